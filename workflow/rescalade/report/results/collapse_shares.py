"""Which axis decides whether runs collapse: a logistic model of cells, and what of the deviance goes with each axis."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from rescalade.report.results.design import Design, Matrix, basis, design_of, determined, independent
from rescalade.report.results.logit import STEPS, deviance, logits, own_surprise
from rescalade.report.results.shares import Share, Shares, ends, resampled, share
from rescalade.report.results.summary import COLLAPSED, Summary

Values = NDArray[np.float64]


@lru_cache(maxsize=2)
def collapse_shares(summary: Summary) -> Shares | None:
    """Shares of the deviance of collapse, of all runs that were made; None where none collapsed, or all did."""
    known = [[verdict for verdict in cell.verdicts if verdict is not None] for cell in summary.cells]
    return shares_of_counts(
        design_of(summary),
        [sum(verdict in COLLAPSED for verdict in verdicts) for verdicts in known],
        [len(verdicts) for verdicts in known],
    )


def shares_of_counts(design: Design, counts: Sequence[int], made: Sequence[int]) -> Shares | None:
    """What of the deviance of counts goes with each axis of a design.

    A binomial generalised linear model with the logit over cells. The share of an axis is the deviance of the model
    without each term of the axis, less that of the model, over the deviance of runs, one by one, from what all runs
    have in common: -2 log likelihood of the model that has a constant alone.

    Args:
        counts: of each cell, the runs of which something holds.
        made: of each cell, its runs; 0 for a cell that was not run.

    Returns:
        None where it holds of no run, or of all.
    """
    there = np.array(made) > 0
    c, n = np.array(counts, dtype=np.float64)[there], np.array(made, dtype=np.float64)[there]
    if not 0 < c.sum() < n.sum():
        return None
    full = design.columns(design.terms)[there]
    space = basis(full)
    whole = float(_whole(c[None], n)[0])
    left = fitted_deviance(c, n, full)
    drawn, back = _drawn(c, n)
    drawn_left, drawn_whole = _deviances(drawn, n, space), _whole(drawn, n)
    axes = []
    for place in range(len(design.axes)):
        rest = design.columns(design.without(place))[there]
        rest_space = basis(rest)
        if rest_space.shape[1] == space.shape[1]:
            axes.append(Share())
            continue
        gained = _deviances(drawn, n, rest_space) - drawn_left
        samples = np.divide(gained, drawn_whole, out=np.zeros_like(gained), where=drawn_whole > 0)[back]
        additive = design.columns(design.additive_in(place))[there]
        lost, depends = (share((fitted_deviance(c, n, columns) - left) / whole) for columns in (rest, additive))
        axes.append(Share(lost, *ends(samples), depends))
    seeds = float(2 * own_surprise(c, n).sum())  # what a model leaves that gives each cell its own share
    predictable, predicted, chance = _left_out(c, n, space)
    return Shares(
        axes=tuple(axes),
        told=1 - (left + seeds) / whole,
        unexplained=left / whole,
        seeds=seeds / whole,
        predicted=predicted,
        chance=chance,
        cells=len(n),
        predictable=predictable,
        parameters=space.shape[1],
        runs=int(n.sum()),
    )


def fitted_deviance(counts: Values, runs: Values, columns: Matrix) -> float:
    """Deviance of a binomial model by statsmodels, which it has also where an axis separates the cells."""
    from statsmodels.genmod.families import Binomial  # late: only an experiment with factors pays for loading it
    from statsmodels.genmod.generalized_linear_model import GLM

    with warnings.catch_warnings():
        # that cells are separated, and estimates without end, is expected: the deviance is asked for, not they
        warnings.simplefilter("ignore")
        with np.errstate(all="ignore"):
            model = GLM(np.column_stack([counts, runs - counts]), independent(columns), family=Binomial())
            return float(model.fit(maxiter=STEPS).deviance)


def _drawn(counts: Values, runs: Values) -> tuple[Values, NDArray[np.intp]]:
    """[samples, cells] the different bootstrap samples of counts, and which of them each replicate is.

    Where the seeds of most cells agree there are few different ones.
    """
    sizes = runs.astype(int)
    holds = np.concatenate([np.arange(size) < count for size, count in zip(sizes, counts, strict=True)])
    places = resampled(sizes.tolist())
    sums = np.add.reduceat(holds[places].astype(np.float64), np.cumsum(sizes) - sizes, axis=1)
    different, back = np.unique(sums, axis=0, return_inverse=True)
    return different, back.reshape(-1)


def _deviances(counts: Values, runs: Values, space: Matrix) -> Values:
    return deviance(counts, runs, logits(counts, runs, space, alike=True))


def _whole(counts: Values, runs: Values) -> Values:
    """[samples] -2 log likelihood of runs, one by one, at the share of all of them: 2 C log(N / C) and likewise."""
    return 2 * own_surprise(counts.sum(axis=1), runs.sum())


def _left_out(counts: Values, runs: Values, space: Matrix) -> tuple[int, float | None, float | None]:
    """How many cells the others say something of, and which share of the runs of these is told rightly from the others.

    By whether the fitted probability is above a half. Beside it the share of the commoner outcome.
    """
    told = np.flatnonzero(determined(space))
    if not len(told):
        return 0, None, None
    left = np.repeat(runs[None], len(told), axis=0)
    left[np.arange(len(told)), told] = 0
    seen = np.minimum(counts, left)
    fitted = logits(seen, left, space)[np.arange(len(told)), told]
    c, n = counts[told], runs[told]
    of = float(n.sum())
    return len(told), float(np.where(fitted > 0, c, n - c).sum()) / of, float(max(c.sum(), of - c.sum())) / of
