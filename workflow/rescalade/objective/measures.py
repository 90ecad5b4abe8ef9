"""Measures of a micro-batch that show a collapse while it happens."""

from __future__ import annotations

import torch
from torch import Tensor

Row = dict[str, float]
"""What is known of one optimiser step, by column of `history.parquet`."""


def activity(weights: Tensor, side: str) -> dict[str, float]:
    """Active terms, empty texts, mean pairwise cosine and the largest weight of [N, V] term weights."""
    active = (weights > 0).sum(1).float()
    return {
        f"active_{side}": float(active.mean()),
        f"empty_{side}": float((active == 0).float().mean()),
        f"cosine_{side}": mean_cosine(weights),
        f"max_weight_{side}": float(weights.max()),
    }


def mean_cosine(weights: Tensor) -> float:
    """Mean cosine over all pairs of distinct rows of [N, V] that are not empty; 0 where there is no such pair.

    Uses sum over pairs = |sum of unit rows|^2 - number of unit rows, so no [N, N] matrix is made; and the sum of unit
    rows is a product with the inverse norms, so no second [N, V] matrix either.
    """
    norms = weights.norm(dim=1)
    filled = norms != 0  # NaN is not 0: it makes the mean NaN
    count = int(filled.sum())
    if count < 2:
        return 0.0
    inverse = torch.where(filled, 1 / norms.clamp_min(1e-30), 0.0)
    pairs = (inverse @ weights).square().sum() - count
    return float(pairs) / (count * (count - 1))


def head_norm(weight: Tensor) -> float:
    """Mean L2 norm of the rows of W [V, D]: the paper's measure of a head."""
    return float(weight.detach().norm(dim=1, dtype=torch.float32).mean())
