"""Schedules over optimiser steps: learning rate and the ramp of the regulariser."""

from __future__ import annotations

import math


def part_of_steps(total: int, ratio: float) -> int:
    """Steps of a phase that takes a part of them: ceil(ratio * total), as transformers' Trainer counts a warm-up."""
    return math.ceil(total * ratio)


def linear_factor(step: int, total: int, warmup: int) -> float:
    """Factor on the peak learning rate at optimiser step `step` (0-based).

    Rises linearly from 0 over the warm-up, then falls linearly to 0 at `total`: transformers'
    `get_linear_schedule_with_warmup`.
    """
    if step < warmup:
        return step / max(1, warmup)
    return max(0.0, (total - step) / max(1, total - warmup))


def learning_rate_factor(shape: str, step: int, total: int, warmup: int) -> float:
    """Factor on the peak learning rate: a linear rise over the warm-up, then the shape.

    linear: `linear_factor`; cosine: half a cosine from 1 to 0 at `total`, transformers'
    `get_cosine_schedule_with_warmup`; constant: 1.
    """
    if shape == "linear" or step < warmup:
        return linear_factor(step, total, warmup)
    if shape == "constant":
        return 1.0
    return 0.5 * (1.0 + math.cos(math.pi * (step - warmup) / max(1, total - warmup)))


def ramp_factor(shape: str, step: int, ramp: int) -> float:
    """Factor on lambda at optimiser step `step` (0-based).

    linear: min(1, step / ramp); quadratic: its square, as in sentence-transformers'
    SpladeRegularizerWeightSchedulerCallback; none: 1. Both begin at 0, so the loss of step 0 is purely contrastive.
    """
    if shape == "none" or ramp <= 0:
        return 1.0
    return min(1.0, step / ramp) ** (2 if shape == "quadratic" else 1)
