"""The seed noise that claims and predictions are judged by."""

from __future__ import annotations

import math
from collections.abc import Iterable

from rescalade.report.results.numbers import Spread

FLOOR = 0.01
"""Least seed noise of in-domain quality: with two or three seeds a pooled sd can be small by chance."""


def seed_noise(spreads: Iterable[Spread]) -> float:
    """Twice the pooled sd over seeds of some cells, at least `FLOOR`.

    Pooled: the root of the mean variance, weighted by degrees of freedom (seeds - 1).
    """
    parts = [(spread.sd, spread.finite - 1) for spread in spreads if spread.sd is not None]
    freedom = sum(count for _, count in parts)
    if not freedom:
        return FLOOR
    return max(FLOOR, 2 * math.sqrt(math.fsum(count * sd * sd for sd, count in parts) / freedom))
