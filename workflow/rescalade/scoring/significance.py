"""Paired randomisation tests over one data set or several, and Holm's correction.

Source: Smucker, Allan and Carterette, "A comparison of statistical significance tests for information retrieval
evaluation", CIKM 2007; Holm, "A simple sequentially rejective multiple test procedure", 1979.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rescalade.scoring.strata import batches, in_sets, weighted

LEVEL = 0.05
"""An adjusted p below this is called significant."""
PERMUTATIONS = 10_000
MOST_PERMUTATIONS = 100_000
_SLACK = 1e-12
"""Relative slack in `at least as large`, so that rounding does not turn equal sums into unequal ones."""

Alternative = Literal["two-sided", "greater"]


def sign_flip_test(differences: ArrayLike, permutations: int = PERMUTATIONS, seed: int = 0) -> float:
    """Two-sided p of the paired sign-flip randomisation test over the queries of one data set.

    Under the null hypothesis the two systems are exchangeable per query, so every sign of a difference is as likely
    as the other. p = share of sign patterns whose |mean difference| is at least the observed one. All 2^n patterns are
    counted where they are no more than `permutations`; otherwise that many are drawn and the observed pattern is
    counted with them: p = (1 + hits) / (1 + permutations), which is never 0.

    Args:
        differences: [Q] value of one system minus that of the other, per query; must be finite.
        permutations: patterns to draw.
        seed: of the draw.

    Raises:
        ValueError: a difference is not finite.
    """
    return macro_sign_flip_test({"": differences}, permutations, seed)


def macro_sign_flip_test(
    differences: Mapping[str, ArrayLike],
    permutations: int = PERMUTATIONS,
    seed: int = 0,
    alternative: Alternative = "two-sided",
) -> float:
    """The p of the same test for the plain mean over data sets, as a table shows it.

    The statistic is mean over D sets of the mean over their queries: each query's difference counts 1 / (D n_d), and
    signs are flipped query by query within the sets. A large set then weighs no more than a small one.

    Args:
        differences: by set, [n_d] value of one system minus that of the other; sets without queries are left out.
        permutations: patterns to draw.
        seed: of the draw.
        alternative: "greater" asks only whether the first system is better.

    Raises:
        ValueError: a difference is not finite.
    """
    return macro_sign_flip_tests([differences], permutations, seed, alternative)[0]


def macro_sign_flip_tests(
    comparisons: Sequence[Mapping[str, ArrayLike]],
    permutations: int = PERMUTATIONS,
    seed: int = 0,
    alternative: Alternative = "two-sided",
) -> list[float]:
    """The p of each of several comparisons, each exactly what `macro_sign_flip_test` gives it alone.

    They share their draws, which costs one product of matrices instead of one draw per comparison. Each p is valid by
    itself, and Holm's correction holds however the tests depend on one another.
    """
    columns = [weighted(comparison) for comparison in comparisons]
    p_values = [_enumerated(column, permutations, alternative) for column in columns]
    drawn = [place for place, p in enumerate(p_values) if p is None]
    chosen = [columns[place] for place in drawn]
    observed, slack = _observed(chosen), np.array([_slack(column) for column in chosen])
    hits = np.zeros(len(chosen), np.int64)
    for kept in batches(in_sets(chosen), len(chosen), permutations, seed, _kept) if chosen else ():
        hits += np.count_nonzero(_reached(2 * kept - observed, observed, slack, alternative), axis=0)
    found = dict(zip(drawn, ((1 + int(count)) / (1 + permutations) for count in hits), strict=True))
    return [found[place] if p is None else p for place, p in enumerate(p_values)]


def difference_and_level(
    comparisons: Sequence[Mapping[str, ArrayLike]], margin: float, permutations: int = PERMUTATIONS, seed: int = 0
) -> list[tuple[float, float]]:
    """The p of `macro_sign_flip_test` and that of `noninferiority_test` of each comparison, in one go.

    A pattern's sum of differences + margin is that of the differences plus margin times that of the weights, which is
    the same for all comparisons over the same sets.
    """
    columns = [weighted(comparison) for comparison in comparisons]
    shapes = [tuple((name, part.size) for name, part in column.items()) for column in columns]
    distinct = list(dict.fromkeys(shapes))
    weights = [weighted({name: np.ones(size) for name, size in shape}) for shape in distinct]
    weight_of = [distinct.index(shape) for shape in shapes]
    every = [*columns, *weights]
    observed, slack = _observed(every), np.array([_slack(column) for column in columns])
    count, hits = len(columns), np.zeros((2, len(columns)), np.int64)
    for kept in batches(in_sets(every), len(every), permutations, seed, _kept) if columns else ():
        sums = 2 * kept - observed
        ours, reached = sums[:, :count], observed[:count]
        hits[0] += np.count_nonzero(_reached(ours, reached, slack, "two-sided"), axis=0)
        moved = ours + margin * sums[:, count:][:, weight_of]
        hits[1] += np.count_nonzero(_reached(moved, reached + margin, slack + _SLACK * margin, "greater"), axis=0)
    found = (1 + hits) / (1 + permutations)
    alone = [
        (
            _enumerated(column, permutations, "two-sided"),
            _enumerated(weighted(shifted(comparison, margin)), permutations, "greater"),
        )
        for column, comparison in zip(columns, comparisons, strict=True)
    ]
    return [
        (float(different if one is None else one), float(level if two is None else two))
        for (one, two), different, level in zip(alone, *found, strict=True)
    ]


def shifted(differences: Mapping[str, ArrayLike], margin: float) -> dict[str, NDArray[np.float64]]:
    """Differences + margin: tested with the alternative "greater", they ask for non-inferiority.

    The null hypothesis is that the first system is worse by `margin` or more; a small p says that it is not.
    """
    return {name: np.asarray(values, np.float64) + margin for name, values in differences.items()}


def noninferiority_test(
    differences: Mapping[str, ArrayLike], margin: float, permutations: int = PERMUTATIONS, seed: int = 0
) -> float:
    """One-sided p of the null hypothesis that the first system is worse by `margin` or more, in the macro mean."""
    return macro_sign_flip_test(shifted(differences, margin), permutations, seed, "greater")


def permutations_for(comparisons: int) -> int:
    """So many that Holm's correction can show something: the least p of m comparisons adjusts to `LEVEL` / 20.

    20 m / `LEVEL` patterns, at least `PERMUTATIONS` and at most `MOST_PERMUTATIONS`; with the latter a table of 5,000
    comparisons can still reach `LEVEL`.
    """
    return min(MOST_PERMUTATIONS, max(PERMUTATIONS, round(20 * comparisons / LEVEL)))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjusted p, in the order given.

    The i-th smallest of m (from 0) is multiplied by m - i, made at least its predecessor and at most 1.
    """
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted = [1.0] * len(p_values)
    running = 0.0
    for rank, index in enumerate(order):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = running
    return adjusted


def _enumerated(column: Mapping[str, NDArray[np.float64]], permutations: int, alternative: Alternative) -> float | None:
    """The exact p where there are no more patterns than would be drawn."""
    values = np.concatenate([*column.values(), np.zeros(0)])
    values = values[values != 0]  # an equal query adds nothing to any pattern
    if values.size >= 60 or 2**values.size > permutations:
        return None
    signs = np.array(list(product((1.0, -1.0), repeat=values.size)))
    return float(np.mean(_reached(signs @ values, values.sum(), _slack(column), alternative)))


def _observed(columns: Sequence[Mapping[str, NDArray[np.float64]]]) -> NDArray[np.float64]:
    return np.array([sum(float(part.sum()) for part in column.values()) for column in columns])


def _reached(
    sums: NDArray[np.float64], observed: ArrayLike, slack: ArrayLike, alternative: Alternative
) -> NDArray[np.bool_]:
    threshold = np.abs(observed) if alternative == "two-sided" else np.asarray(observed)
    return (np.abs(sums) if alternative == "two-sided" else sums) >= threshold - slack


def _slack(column: Mapping[str, NDArray[np.float64]]) -> float:
    return _SLACK * sum(float(np.abs(part).sum()) for part in column.values())


def _kept(rng: np.random.Generator, rows: int, queries: int) -> NDArray[np.float64]:
    """[rows, queries] of 1 where the sign is kept, 0 where it is flipped: sum(s d) = 2 sum(d where kept) - sum(d)."""
    width = -(-queries // 8)
    raw = np.frombuffer(rng.bytes(rows * width), dtype=np.uint8).reshape(rows, width)
    return np.unpackbits(raw, axis=1, count=queries).astype(np.float64)
