"""Seed noise: how far one run of the same truth lies from the next."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from rescalade.report.results.numbers import Spread

CONFIDENCE = 0.95
"""Of every interval that is spoken of beside a published number or a claim."""
FLOOR = 0.01
"""Least seed noise of in-domain quality where a shortfall is called noise: with two or three seeds a pooled sd can be
small by chance."""


@dataclass(frozen=True)
class Noise:
    """sd of a single run. freedom: degrees of freedom behind it, infinite where it is known otherwise."""

    sd: float
    freedom: float

    def half_width(self, runs: float) -> float:
        """Half of the 95 % interval of the difference between one other run and the mean of `runs` of ours.

        t(freedom) * sd * sqrt(1 + 1 / runs): the 1 is the other run's own noise, which no number of ours makes less.
        """
        return self.quantile() * self.sd * math.sqrt(1 + 1 / runs)

    def quantile(self) -> float:
        """Two-sided 95 % quantile of Student's t."""
        from scipy.special import ndtri, stdtrit  # late: loading it costs a tenth of a second

        level = (1 + CONFIDENCE) / 2
        return float(ndtri(level) if math.isinf(self.freedom) else stdtrit(self.freedom, level))


def pooled(spreads: Iterable[Spread]) -> Noise | None:
    """The root of the mean variance over cells, weighted by seeds - 1; None where no cell has two finite values."""
    parts = [(spread.sd, spread.finite - 1) for spread in spreads if spread.sd is not None]
    freedom = sum(count for _, count in parts)
    if not freedom:
        return None
    return Noise(math.sqrt(math.fsum(count * sd * sd for sd, count in parts) / freedom), freedom)


def seed_noise(spreads: Iterable[Spread]) -> float:
    """Twice the pooled sd over seeds of some cells, at least `FLOOR`."""
    found = pooled(spreads)
    return FLOOR if found is None else max(FLOOR, 2 * found.sd)
