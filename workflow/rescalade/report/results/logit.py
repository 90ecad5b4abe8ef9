"""Logistic regression of many samples of counts at once, whose deviance is found even where cells are separated."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rescalade.report.results.design import Matrix

Values = NDArray[np.float64]
STEPS = 40
"""Newton steps at most. Where an axis separates the cells the estimates grow without end, by about 1 a step, and what
is left of the deviance shrinks by e a step: it is told long before."""
TOLERANCE = 1e-5
"""Of the log likelihood, at which a fit stands."""
RIDGE = 1e-10
"""Times the number of runs, on the diagonal: directions that no run says anything of do not move."""


def logits(counts: Values, runs: Values, space: Matrix, alike: bool = False) -> Values:
    """[samples, cells] fitted logits of the probability of what is counted, by maximum likelihood.

    Args:
        counts: [samples, cells], at most `runs`.
        runs: [samples, cells] or [cells]; a cell of no runs has no say.
        space: [cells, rank] orthonormal basis of the model's columns.
        alike: whether all samples begin with the fit of their mean, not with 0: fewer steps where they are alike. Where
            cells are separated, what one without runs is given can depend on it; the deviance cannot.
    """
    runs = np.broadcast_to(runs, counts.shape)
    beta = np.zeros((len(counts), space.shape[1]))
    if alike:
        beta += logits(counts.mean(axis=0, keepdims=True), runs.mean(axis=0), space) @ space
    now = _surprise(counts, runs, beta @ space.T)
    ridge = RIDGE * max(1.0, float(runs.max(initial=0.0))) * np.eye(space.shape[1])
    going = np.arange(len(counts))
    for _ in range(STEPS):
        if not len(going):
            break
        some, of = counts[going], runs[going]
        chance = _probability(beta[going] @ space.T)
        weight = of * chance * (1 - chance)
        slope = (some - of * chance) @ space
        bend = (space.T[None] * weight[:, None, :]) @ space + ridge
        step = np.linalg.solve(bend, slope[..., None])[..., 0]
        then = _surprise(some, of, (beta[going] + step) @ space.T)
        for _ in range(10):  # a Newton step can be too long far from the optimum
            worse = then > now[going] + TOLERANCE
            if not worse.any():
                break
            step[worse] /= 2
            then = _surprise(some, of, (beta[going] + step) @ space.T)
        beta[going] += step
        still = now[going] - then > TOLERANCE
        now[going] = then
        going = going[still]
    fitted: Values = beta @ space.T
    return fitted


def deviance(counts: Values, runs: Values, logit: Values) -> Values:
    """[samples] binomial deviance, in nats: twice the log likelihood lost to a model that gives each cell its share.

    2 sum over cells of c log(c / (n p)) + (n - c) log((n - c) / (n (1 - p))), with p = 1 / (1 + exp(-logit)).
    """
    found: Values = 2 * (_surprise(counts, runs, logit) - own_surprise(counts, runs).sum(axis=-1))
    return found


def own_surprise(counts: Values, runs: Values | float) -> Values:
    """Minus the log likelihood of counts at their own shares, each, without the binomial coefficient."""
    total = np.zeros_like(counts)
    for part in (counts, runs - counts):
        share = np.divide(part, runs, out=np.ones_like(counts), where=part > 0)
        total = total - part * np.log(share)
    return total


def _surprise(counts: Values, runs: Values, logit: Values) -> Values:
    """[samples] minus the log likelihood of all counts, without the binomial coefficient."""
    found: Values = (runs * np.logaddexp(0.0, logit) - counts * logit).sum(axis=-1)
    return found


def _probability(logit: Values) -> Values:
    found: Values = np.exp(-np.logaddexp(0.0, -logit))
    return found
