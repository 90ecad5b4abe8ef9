"""The heaviest terms of a text: a cap for those who want one, and the way out of a collapsed model."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def heaviest(weights: NDArray[np.float32], count: int) -> NDArray[np.bool_]:
    """Which entries of one text stay.

    Args:
        weights: [P] float32, of ascending terms.
        count: how many may stay.

    Returns:
        [P] bool with min(P, count) entries True: the largest weights, of equal ones those of the lower terms.
    """
    if len(weights) <= count:
        return np.ones(len(weights), np.bool_)
    if count == 0:
        return np.zeros(len(weights), np.bool_)
    edge = np.partition(weights, len(weights) - count)[len(weights) - count]
    kept: NDArray[np.bool_] = weights > edge
    kept[np.flatnonzero(weights == edge)[: count - int(kept.sum())]] = True
    return kept
