"""The lines of an audit's plot: one per rescale mode, those that measure the same drawn as one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rescalade.audited import Audit, Tried
from rescalade.report.results.audit_read import predictions, series_of, series_title
from rescalade.report.results.numbers import listed

SAME = 1e-3
"""Largest relative difference of two lines that are drawn as one. A pixel of a panel is about 2e-3 of its height."""
COMPARED = ("step0_loss", "active_document")


@dataclass(frozen=True)
class Series:
    """One line. entries: of one mode, by k. titles: the modes that it stands for."""

    titles: tuple[str, ...]
    entries: tuple[Tried, ...]

    @property
    def title(self) -> str:
        """Names of the modes: `untied, folded and multiplier`."""
        return listed(self.titles)

    def points(self, key: str) -> list[tuple[float, float]]:
        """(k, value of that measure)."""
        return [(entry.k, getattr(entry, key)) for entry in self.entries]


def series(audit: Audit | None) -> list[Series]:
    """In the audit's order; a mode whose measures agree with an earlier one's at every k joins that line."""
    found: list[Series] = []
    entries = () if audit is None else audit.scales
    for key in dict.fromkeys(map(series_of, entries)):
        own = sorted((entry for entry in entries if series_of(entry) == key), key=lambda entry: entry.k)
        title = series_title(own[0])
        for place, other in enumerate(found):
            if _same(other.entries, own):
                found[place] = Series((*other.titles, title), other.entries)
                break
        else:
            found.append(Series((title,), tuple(own)))
    return found


def scales(audit: Audit | None) -> list[float]:
    """Every k that was tried."""
    return [] if audit is None else sorted({entry.k for entry in audit.scales})


def marked_scales(audit: Audit | None) -> dict[float, list[str]]:
    """The k that are used, with the rules that predict them."""
    found: dict[float, list[str]] = {}
    for rule, prediction in predictions(audit):
        found.setdefault(float(prediction.power), []).append(rule)
    return dict(sorted(found.items()))


def _same(one: Sequence[Tried], other: Sequence[Tried]) -> bool:
    if [entry.k for entry in one] != [entry.k for entry in other]:
        return False
    return all(
        _close(getattr(left, key), getattr(right, key))
        for left, right in zip(one, other, strict=True)
        for key in COMPARED
    )


def _close(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=SAME) or (math.isnan(one) and math.isnan(other))
