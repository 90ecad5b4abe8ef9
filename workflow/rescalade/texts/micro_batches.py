"""Which examples make up which micro-batch: a function of the seed and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


def micro_batches(triples: int, batch_size: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """Endless micro-batches of triple numbers; each epoch is a new permutation, its ragged end dropped.

    With fewer triples than batch_size the whole set is one batch.
    """
    epoch = 0
    size = min(batch_size, triples)
    while True:
        order = np.random.default_rng([seed, epoch]).permutation(triples)
        for first in range(0, triples - size + 1, size):
            yield order[first : first + size]
        epoch += 1
