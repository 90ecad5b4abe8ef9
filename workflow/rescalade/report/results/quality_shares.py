"""Which axis decides quality: a linear model of runs, and what of R2 goes with each axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from rescalade.report.results.design import Design, Matrix, Term, basis, design_of, determined, independent
from rescalade.report.results.shares import Share, Shares, ends, resampled, share
from rescalade.report.results.summary import Summary

Values = NDArray[np.float64]


@lru_cache(maxsize=2)
def quality_shares(summary: Summary) -> Shares | None:
    """Shares of in-domain quality, of all runs that have one; None where it does not vary."""
    qualities = [
        [value for run in cell.made if math.isfinite(value := summary.in_domain(run))] for cell in summary.cells
    ]
    return shares_of_values(design_of(summary), qualities)


def shares_of_values(design: Design, values: Sequence[Sequence[float]]) -> Shares | None:
    """What of the spread of values goes with each axis of a design.

    R2 = 1 - sum (y - fitted)^2 / sum (y - mean)^2 of ordinary least squares over runs. The share of an axis is R2 of
    the model less R2 of the model without each term of the axis.

    Args:
        values: of each cell, one per run; empty for a cell that was not run.

    Returns:
        None where all values are the same, or there are none.
    """
    from statsmodels.regression.linear_model import OLS  # late: only an experiment with factors pays for loading it

    there = np.array([len(some) > 0 for some in values], dtype=bool)
    counts = [len(some) for some in values if len(some)]
    y = np.array([value for some in values for value in some])
    if not len(y) or np.ptp(y) == 0:
        return None

    def of_runs(terms: Sequence[Term]) -> Matrix:
        return np.repeat(design.columns(terms)[there], counts, axis=0)

    def r2(columns: Matrix) -> float:
        return float(OLS(y, independent(columns)).fit().rsquared)

    full = of_runs(design.terms)
    space, told = basis(full), r2(full)
    drawn = y[resampled(counts)]
    told_drawn = r2_of(drawn, space)
    axes = []
    for place in range(len(design.axes)):
        rest = of_runs(design.without(place))
        rest_space = basis(rest)
        if rest_space.shape[1] == space.shape[1]:
            axes.append(Share())
            continue
        low, high = ends(told_drawn - r2_of(drawn, rest_space))
        additive = of_runs(design.additive_in(place))
        axes.append(Share(share(told - r2(rest)), low, high, share(told - r2(additive))))
    cells = np.repeat(np.arange(len(counts)), counts)
    means = np.bincount(cells, y) / counts
    spread = ((y - y.mean()) ** 2).sum()
    seeds = float(((y - means[cells]) ** 2).sum() / spread)
    predictable, predicted = left_out(y, space, counts)
    return Shares(
        axes=tuple(axes),
        told=told,
        unexplained=share(1 - told - seeds),
        seeds=seeds,
        predicted=predicted,
        chance=None,
        cells=len(counts),
        predictable=predictable,
        parameters=space.shape[1],
        runs=len(y),
    )


def r2_of(values: Values, space: Matrix) -> Values:
    """[samples] R2 of each of some samples [samples, runs] in a space [runs, rank] that has the constant.

    R2 = |Q' (y - mean)|^2 / |y - mean|^2, which is that of least squares; 0 where a sample does not vary.
    """
    centred = values - values.mean(axis=1, keepdims=True)
    spread = (centred**2).sum(axis=1)
    fitted = ((centred @ space) ** 2).sum(axis=1)
    found: Values = np.divide(fitted, spread, out=np.zeros_like(spread), where=spread > 0)
    return found


def left_out(y: Values, space: Matrix, counts: Sequence[int]) -> tuple[int, float | None]:
    """How many cells the others say something of, and R2 of what the model predicts of each when it is left out.

    For the runs c of a cell, y_c less its prediction = (I - H_cc)^-1 (y_c - fitted_c), with H = Q Q'. R2 is 1 less the
    sum of the squares of these over the sum of those of y_c less the mean of all runs of other cells.
    """
    residuals = y - space @ (space.T @ y)
    end = np.cumsum(counts)
    errors, spread, predictable = 0.0, 0.0, 0
    for first, last in zip(end - counts, end, strict=True):
        rows = space[first:last]
        if len(y) == last - first or not determined(rows * math.sqrt(last - first))[0]:
            continue
        predictable += 1
        hidden = np.eye(last - first) - rows @ rows.T
        errors += float((np.linalg.solve(hidden, residuals[first:last]) ** 2).sum())
        others = (y.sum() - y[first:last].sum()) / (len(y) - (last - first))
        spread += float(((y[first:last] - others) ** 2).sum())
    return predictable, 1 - errors / spread if spread else None
