"""Intervals for the difference of two systems in the plain mean over data sets: over queries, and over seeds too."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rescalade.scoring.strata import batches, in_sets, weighted

CONFIDENCE = 0.95
RESAMPLES = 2000
"""Bootstrap samples: the ends of a 95 % interval are then off by some 2 % of its width."""


@dataclass(frozen=True)
class Interval:
    """seeds: whether the spread over seeds is in it; with one seed it is not known, and nothing here guesses it."""

    low: float
    high: float
    seeds: bool


def stratified_interval(
    differences: Mapping[str, ArrayLike], confidence: float = CONFIDENCE, resamples: int = RESAMPLES, seed: int = 0
) -> Interval:
    """Percentile interval of the stratified bootstrap: the queries of each set are drawn again, the sets stay.

    Args:
        differences: by set, [n_d] value of one system minus that of the other, per query.
        confidence: share of samples between the ends.
        resamples: bootstrap samples.
        seed: of the draw.

    Raises:
        ValueError: a difference is not finite, or there is none.
    """
    return stratified_intervals([differences], confidence, resamples, seed)[0]


def stratified_intervals(
    comparisons: Sequence[Mapping[str, ArrayLike]],
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> list[Interval]:
    """The interval of each of several comparisons, each exactly what `stratified_interval` gives it alone."""
    columns = [weighted(comparison) for comparison in comparisons]
    if not all(columns):
        raise ValueError("no differences")
    if not columns:
        return []
    sums = np.concatenate(list(batches(in_sets(columns), len(columns), resamples, seed, _counts)))
    ends = np.quantile(sums, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    return [Interval(float(low), float(high), seeds=False) for low, high in ends.T]


def hierarchical_interval(
    ours: Mapping[str, ArrayLike], theirs: Mapping[str, ArrayLike] | None = None, confidence: float = CONFIDENCE
) -> Interval:
    """Interval of the difference for other seeds and other queries than these.

    Both are random effects. The variance of the difference is s_a^2 / S_a + s_b^2 / S_b + sum_d s_d^2 / (D^2 n_d), with
    s_a and s_b the sd over seeds of each system's plain mean over sets, and s_d the sd over queries of the differences
    of set d, averaged over seeds. The half-width takes Student's t with Satterthwaite's degrees of freedom, so two or
    three seeds, which know their spread poorly, give a wide interval where that spread matters. (Resampling them does
    not: the bootstrap of three seeds covers some 90 % where it says 95.)

    Args:
        ours: by set, [S_a, n_d] values per seed and query; [n_d] of a system without seeds, like BM25.
        theirs: the same for the other system on the same queries; None where `ours` are differences already, paired by
            seed.
        confidence: nominal coverage.

    Returns:
        `seeds` is False where a system with seeds has only one: then the interval is one over queries alone.

    Raises:
        ValueError: a value is not finite, sets or queries of the two differ, or there is none.
    """
    from scipy.special import stdtrit

    systems = [_by_seed(ours)] + ([] if theirs is None else [_by_seed(theirs)])
    if not systems[0][0]:
        raise ValueError("no differences")
    first, second = systems[0][0], systems[-1][0]
    if any(first.keys() != second.keys() or first[name].shape[1] != second[name].shape[1] for name in first):
        raise ValueError("both systems must have the same sets and queries")
    means = {name: values.mean(0) for name, values in first.items()}
    if theirs is not None:
        means = {name: values - second[name].mean(0) for name, values in means.items()}
    sets = len(means)
    parts = [(_variance(values) / (sets**2 * values.size), values.size - 1) for values in means.values()]
    for values, has_seeds in systems:
        per_seed = np.mean([part.mean(1) for part in values.values()], axis=0)
        if has_seeds and per_seed.size > 1:
            parts.append((_variance(per_seed) / per_seed.size, per_seed.size - 1))
    variance = math.fsum(part for part, _ in parts)
    centre = math.fsum(float(values.mean()) for values in means.values()) / sets
    half = 0.0
    if variance > 0:
        freedom = variance**2 / math.fsum(part**2 / free for part, free in parts if part > 0)
        half = float(stdtrit(freedom, (1 + confidence) / 2)) * math.sqrt(variance)
    known = all(len(next(iter(values.values()))) > 1 for values, has_seeds in systems if has_seeds)
    return Interval(centre - half, centre + half, seeds=known and any(has_seeds for _, has_seeds in systems))


def _by_seed(values: Mapping[str, ArrayLike]) -> tuple[dict[str, NDArray[np.float64]], bool]:
    """Values [S, n_d] by set, sets without queries left out; whether the system has seeds."""
    arrays = {name: np.asarray(part, np.float64) for name, part in values.items()}
    arrays = {name: part for name, part in arrays.items() if part.size}
    if not all(np.isfinite(part).all() for part in arrays.values()):
        raise ValueError("values must be finite")
    if len({part.shape[0] if part.ndim == 2 else None for part in arrays.values()}) > 1:
        raise ValueError("every set must have the same seeds")
    return {name: np.atleast_2d(part) for name, part in arrays.items()}, any(part.ndim == 2 for part in arrays.values())


def _variance(values: NDArray[np.float64]) -> float:
    """Sample variance; 0 of a single value."""
    return float(values.var(ddof=1)) if values.size > 1 else 0.0


def _counts(rng: np.random.Generator, rows: int, queries: int) -> NDArray[np.float64]:
    """[rows, queries] how often each query is in a sample of as many."""
    drawn = rng.integers(0, queries, (rows, queries)) + np.arange(rows)[:, None] * queries
    return np.bincount(drawn.ravel(), minlength=rows * queries).reshape(rows, queries).astype(np.float64)
