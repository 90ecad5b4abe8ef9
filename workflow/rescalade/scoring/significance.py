"""Paired randomisation test and Holm's correction.

Source: Smucker, Allan and Carterette, "A comparison of statistical significance tests for information retrieval
evaluation", CIKM 2007; Holm, "A simple sequentially rejective multiple test procedure", 1979.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray

PERMUTATIONS = 10_000
_CHUNK = 500
_SLACK = 1e-12
"""Relative slack in `at least as large`, so that rounding does not turn equal sums into unequal ones."""


def sign_flip_test(differences: ArrayLike, permutations: int = PERMUTATIONS, seed: int = 0) -> float:
    """Two-sided p of the paired sign-flip randomisation test.

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
    values = np.asarray(differences, dtype=np.float64).ravel()
    if not np.isfinite(values).all():
        raise ValueError("differences must be finite")
    values = values[values != 0]  # an equal query adds nothing to any pattern
    if values.size == 0:
        return 1.0
    threshold = abs(values.sum()) - _SLACK * np.abs(values).sum()
    if values.size < 60 and 2**values.size <= permutations:
        signs = np.array(list(product((1.0, -1.0), repeat=values.size)))
        return float(np.mean(np.abs(signs @ values) >= threshold))
    hits = sum(_hits(values, threshold, count, rng) for count, rng in _draws(permutations, seed))
    return (1 + hits) / (1 + permutations)


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


def _draws(permutations: int, seed: int) -> list[tuple[int, np.random.Generator]]:
    rng = np.random.default_rng(seed)
    full, rest = divmod(permutations, _CHUNK)
    return [(count, rng) for count in [_CHUNK] * full + [rest] * (rest > 0)]


def _hits(values: NDArray[np.float64], threshold: float, count: int, rng: np.random.Generator) -> int:
    """How many of `count` random sign patterns reach the threshold. sum(s*d) = 2*sum(d where +) - sum(d)."""
    columns = -(-values.size // 8)
    raw = np.frombuffer(rng.bytes(count * columns), dtype=np.uint8).reshape(count, columns)
    plus = np.unpackbits(raw, axis=1, count=values.size).astype(np.float64)
    sums = 2 * (plus @ values) - values.sum()
    return int(np.count_nonzero(np.abs(sums) >= threshold))
