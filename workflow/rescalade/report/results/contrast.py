"""One difference between systems on the same queries: how large, how sure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rescalade.report.results.numbers import signed, written
from rescalade.report.results.paired import Domain, PerColumn, PerQuery, averaged, differences, macro_mean, seed_arrays
from rescalade.report.results.summary import Cell
from rescalade.scoring.intervals import hierarchical_interval
from rescalade.scoring.significance import LEVEL, macro_sign_flip_test

__all__ = ["LEVEL", "Contrast", "Reading", "contrast", "contrast_on", "contrast_with_bm25"]

Reading = Literal["better", "level", "worse", "undecided"]


@dataclass(frozen=True)
class Contrast:
    """Ours minus theirs, plain mean over data sets.

    p: of the paired sign-flip test over queries, two-sided. low, high: 95 % interval over seeds and queries. seeds:
    whether it knows the spread over seeds.
    """

    difference: float
    p: float
    low: float
    high: float
    seeds: bool

    def shown(self, tried: int = 1) -> int:
        """1 where ours is better, -1 where it is worse, 0 where neither is shown.

        Both have to say so: the test over queries, its p times the number of systems that ours was chosen from, and the
        interval over seeds and queries.
        """
        if min(1.0, self.p * tried) >= LEVEL or self.low <= 0 <= self.high:
            return 0
        return 1 if self.difference > 0 else -1

    def read(self, allowed: float = 0.0) -> Reading:
        """What is shown; *level*: not shown to be better, and by the interval less than `allowed` below."""
        if self.shown() > 0:
            return "better"
        if self.low > -allowed:
            return "level"
        return "worse" if self.shown() < 0 else "undecided"

    def details(self, tried: int = 1) -> dict[str, str]:
        """Its numbers as entries of a row; p as in `shown`."""
        return {
            "Difference": signed(self.difference),
            "95 % interval": f"{signed(self.low)} to {signed(self.high)}",
            "p over queries": written(min(1.0, self.p * tried), "probability"),
        }

    def words(self) -> str:
        """`+0.012, 95 % interval -0.001 to +0.025, p over queries 0.0700`."""
        alone = "" if self.seeds else " over queries alone"
        ends = f"{signed(self.low)} to {signed(self.high)}"
        return (
            f"{signed(self.difference)}, 95 % interval{alone} {ends}, p over queries {written(self.p, 'probability')}"
        )


def contrast(
    queries: PerQuery, ours: Cell, theirs: Cell | Sequence[Cell], *, share: float = 1.0, domain: Domain = "in-domain"
) -> Contrast | None:
    """A cell against another, or against a share of the mean of several; None where either was not scored."""
    cells = [theirs] if isinstance(theirs, Cell) else list(theirs)
    found = [queries.of(cell, domain) for cell in cells]
    known = [values for values in found if values is not None]
    other = known[0] if len(cells) == 1 and known else averaged(known)
    if other is not None and share != 1.0:
        other = {name: table * share for name, table in other.items()}
    return _contrast(queries.of(ours, domain), other if len(known) == len(cells) else None)


def contrast_with_bm25(queries: PerQuery, ours: Cell, domain: Domain) -> Contrast | None:
    """A cell against BM25; None where either was not scored."""
    return _contrast(queries.of(ours, domain), queries.bm25(domain), seeds=False)


def contrast_on(queries: PerQuery, ours: Cell, theirs: Cell, datasets: Sequence[str], measure: str) -> Contrast | None:
    """A cell against another in one measure on some data sets; None where either was not scored on all of them."""
    return _contrast(queries.on(ours, datasets, measure), queries.on(theirs, datasets, measure))


def _contrast(ours: PerColumn | None, theirs: PerColumn | None, seeds: bool = True) -> Contrast | None:
    if ours is None or theirs is None:
        return None
    apart = differences(ours, theirs)
    if not apart:
        return None
    first, second = seed_arrays(ours, theirs)
    without_seeds = {name: part[0] for name, part in second.items()}
    interval = hierarchical_interval(first, second if seeds else without_seeds)
    return Contrast(macro_mean(apart), macro_sign_flip_test(apart), interval.low, interval.high, interval.seeds)
