"""Outcomes of known runs by how they began, and how far a threshold on the starting loss carries."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

from rescalade.report.results.known import Known
from rescalade.report.tables.table import Column, Row, Table, text

BORDERS = (2.0, 8.0, 64.0, 512.0)
"""Of the ranges of the starting loss, in units of ln(candidates)."""


def outcome_table(known: Sequence[Known]) -> Table:
    """How many runs of each source trained, by range of the starting loss; then what a fitted threshold gets wrong."""
    sources = list(dict.fromkeys(one.source for one in known))
    columns = [Column(f"source_{place}", source, numeric=False) for place, source in enumerate(sources)]
    rows = []
    for title, inside in _ranges():
        cells = {}
        for column, source in zip(columns, sources, strict=True):
            runs = [one for one in known if one.source == source and inside(one)]
            cells[column.key] = text(f"{sum(one.trained for one in runs)} of {len(runs)}" if runs else "none")
        rows.append(Row({"range": text(title), **cells}))
    return Table(
        name="outcomes",
        title="Runs that trained, by how they began",
        caption="Loss at step 0 in units of ln(candidates), the loss of guessing; flat: within 2 % of it, or scores "
        "with a standard deviation below 0.1. Trained, of all, by the declared definitions of collapse.",
        columns=[Column("range", "Loss at step 0", numeric=False), *columns],
        rows=rows,
        notes=[_error(known, "backbone"), _error(known, "source")],
    )


def left_out(known: Sequence[Known], key: str) -> dict[str, tuple[int, int]]:
    """Wrong answers and runs for each backbone or source, by a threshold fitted on all others."""
    found = {}
    for name in dict.fromkeys(getattr(one, key) for one in known):
        tested = [one for one in known if getattr(one, key) == name]
        border, flat_trains = fitted([one for one in known if getattr(one, key) != name])
        wrong = sum((flat_trains if one.flat else one.units <= border) != one.trained for one in tested)
        found[name] = (wrong, len(tested))
    return found


def fitted(known: Sequence[Known]) -> tuple[float, bool]:
    """The loss, in units, above which fewest runs are put on the wrong side, and whether most flat ones trained.

    Borders are halfway between neighbours on a log scale; of equally good ones the largest counts.
    """
    moving = [one for one in known if not one.flat]
    flat = [one for one in known if one.flat]
    units = sorted({one.units for one in moving})
    borders = [math.inf, *(math.sqrt(low * high) for low, high in itertools.pairwise(units))]

    def wrong(border: float) -> tuple[int, float]:
        return sum((one.units <= border) != one.trained for one in moving), -border

    return min([*borders, 0.0], key=wrong), sum(one.trained for one in flat) * 2 > len(flat)


def _ranges() -> list[tuple[str, Callable[[Known], bool]]]:
    def within(low: float, high: float) -> Callable[[Known], bool]:
        return lambda one: not one.flat and low < one.units <= high

    edges = (0.0, *BORDERS, math.inf)
    titles = [f"to {BORDERS[0]:g}", *(f"{low:g} to {high:g}" for low, high in itertools.pairwise(BORDERS))]
    ranges = [within(low, high) for low, high in itertools.pairwise(edges)]
    return [("flat", lambda one: one.flat), *zip([*titles, f"above {BORDERS[-1]:g}"], ranges, strict=True)]


def _error(known: Sequence[Known], key: str) -> str:
    found = left_out(known, key)
    parts = ", ".join(f"{name} {wrong} of {count}" for name, (wrong, count) in found.items())
    wrong, count = (sum(column) for column in zip(*found.values(), strict=True))
    return f"A threshold fitted without one {key} is wrong on it: {parts}; together {wrong} of {count}."
