"""Optimiser steps of a run, and the micro-batches of each."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from rescalade.texts.micro_batches import micro_batches
from rescalade.training.settings import TrainSettings


def optimiser_steps(settings: TrainSettings, triples: int) -> int:
    """Optimiser steps of a run: max_steps, or epochs times the whole micro-batches of an epoch."""
    if settings.max_steps is not None:
        return settings.max_steps
    per_epoch = max(1, triples // settings.batch_size)
    return max(1, math.ceil(per_epoch * settings.epochs / settings.accumulation))


def step_batches(triples: int, settings: TrainSettings, seed: int, first: int = 0) -> Iterator[list[NDArray[np.int64]]]:
    """Endless lists of the `accumulation` micro-batches of an optimiser step, from step `first` on."""
    batches = micro_batches(triples, settings.batch_size, seed)
    for _ in range(first * settings.accumulation):
        next(batches)
    while True:
        yield list(itertools.islice(batches, settings.accumulation))
