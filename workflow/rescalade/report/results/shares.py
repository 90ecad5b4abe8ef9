"""What shares of the spread of outcomes are, and their intervals over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rescalade.report.results.noise import CONFIDENCE

REPLICATES = 300
"""Bootstrap samples: the ends of a 95 % interval are then off by some 5 % of its width."""
SEED = 0
LEAST = 1e-6
"""Shares below are rounding, and what bounded iterations leave: 0."""


@dataclass(frozen=True)
class Share:
    """Of the spread of an outcome, what is lost when an axis is left out of the model.

    lost: with all its interactions; None where the cells cannot tell the axis from the others. low, high: 95 % over
    seeds. depends: what is lost when its interactions alone are left out.
    """

    lost: float | None = None
    low: float | None = None
    high: float | None = None
    depends: float | None = None


@dataclass(frozen=True)
class Shares:
    """Of one outcome.

    axes: a share per axis of the design. told: share of the spread that the model explains. unexplained: what cells
    differ by, and the model does not say. seeds: what the seeds of a cell differ by; the three add to 1. predicted: how
    good it is for cells left out, one after another: R2 of quality, of collapse the share of runs told rightly. chance:
    the share of the commoner outcome. cells: that entered. predictable: those that the others say something of.
    parameters: rank of the model. runs: that entered.
    """

    axes: tuple[Share, ...]
    told: float
    unexplained: float
    seeds: float
    predicted: float | None
    chance: float | None
    cells: int
    predictable: int
    parameters: int
    runs: int


def resampled(counts: Sequence[int], replicates: int = REPLICATES, seed: int = SEED) -> NDArray[np.intp]:
    """[replicates, runs] places of runs, drawn again within each cell; runs lie cell by cell.

    Args:
        counts: runs of each cell.
    """
    sizes = np.asarray(counts)
    first = np.repeat(np.cumsum(sizes) - sizes, sizes)
    drawn = np.random.default_rng(seed).random((replicates, int(sizes.sum())))
    places: NDArray[np.intp] = first + (drawn * np.repeat(sizes, sizes)).astype(np.intp)
    return places


def share(lost: float) -> float:
    """A share as it is told, 0 where it is less than can be told."""
    return float(lost) if lost > LEAST else 0.0


def ends(values: NDArray[np.float64]) -> tuple[float, float]:
    """Percentile interval of bootstrap samples of a share."""
    low, high = np.quantile(values, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return share(low), share(high)
