"""Outcomes of known runs by how they began, and how far a border at the start carries."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

from rescalade.audit.rules import START_SD
from rescalade.report.results.known import Known
from rescalade.report.results.numbers import listed
from rescalade.report.results.step0_map import SCORES
from rescalade.report.results.window import Begun, fitted
from rescalade.report.tables.table import Column, Row, Table, text

BORDERS = (2.0, 8.0, 64.0, 512.0)
"""Of the ranges of the starting loss, in units of ln(candidates)."""
SPREADS = (START_SD[0], 0.1, 1.0, 10.0, START_SD[1])
"""Of the ranges of the standard deviation of the scores."""
Trains = Callable[[Known], bool]
"""Whether a run is expected to train."""
Fit = Callable[[Sequence[Known]], Trains]
"""What the outcomes of some runs let expect of others."""


def outcome_table(known: Sequence[Known]) -> Table:
    """How many runs of each source trained, by loss and by scores; then what borders fitted on others get wrong."""
    sources = list(dict.fromkeys(one.source for one in known))
    columns = [Column(f"source_{place}", source, numeric=False) for place, source in enumerate(sources)]
    rows = []
    for title, inside in [*_losses(), *_spreads()]:
        cells = {}
        for column, source in zip(columns, sources, strict=True):
            runs = [one for one in known if one.source == source and inside(one)]
            cells[column.key] = text(f"{sum(one.trained for one in runs)} of {len(runs)}" if runs else "none")
        rows.append(Row({"range": text(title), **cells}))
    spread = [one for one in known if not math.isnan(one.score_sd)]
    return Table(
        name="outcomes",
        title="Runs that trained, by how they began",
        caption="Loss at step 0 in units of ln(candidates), the loss of guessing; flat: within 2 % of it, or scores "
        "with a standard deviation below 0.1. Spread: standard deviation of the scores over the temperature. Trained, "
        "of all, by the declared definitions of collapse.",
        columns=[Column("range", "At step 0", numeric=False), *columns],
        rows=rows,
        notes=[
            *(_error("A threshold on the loss", known, key, by_loss) for key in ("backbone", "source")),
            *(_error("A window of the spread", spread, key, by_spread) for key in ("backbone", "source")),
        ],
    )


def left_out(known: Sequence[Known], key: str, fit: Fit) -> dict[str, tuple[int, int]]:
    """Wrong answers and runs for each backbone or source, by what all others let expect."""
    found = {}
    for name in dict.fromkeys(getattr(one, key) for one in known):
        tested = [one for one in known if getattr(one, key) == name]
        trains = fit([one for one in known if getattr(one, key) != name])
        found[name] = (sum(trains(one) != one.trained for one in tested), len(tested))
    return found


def by_loss(known: Sequence[Known]) -> Trains:
    """A threshold on the loss, and one answer for all that are flat."""
    border, flat_trains = threshold(known)
    return lambda one: flat_trains if one.flat else one.units <= border


def by_spread(known: Sequence[Known]) -> Trains:
    """A window of the standard deviation of the scores over the temperature."""
    (window,) = fitted([Begun((one.score_sd,), one.trained) for one in known], [SCORES])
    return lambda one: one.score_sd in window


def threshold(known: Sequence[Known]) -> tuple[float, bool]:
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


def _losses() -> list[tuple[str, Trains]]:
    def within(low: float, high: float) -> Trains:
        return lambda one: not one.flat and low < one.units <= high

    edges = (0.0, *BORDERS, math.inf)
    titles = [f"to {BORDERS[0]:g}", *(f"{low:g} to {high:g}" for low, high in itertools.pairwise(BORDERS))]
    ranges = [within(low, high) for low, high in itertools.pairwise(edges)]
    named = zip(("flat", *titles, f"above {BORDERS[-1]:g}"), (lambda one: one.flat, *ranges), strict=True)
    return [(f"loss {title}", inside) for title, inside in named]


def _spreads() -> list[tuple[str, Trains]]:
    def within(low: float, high: float) -> Trains:
        return lambda one: low <= one.score_sd < high

    titles = [f"{low:g} to {high:g}" for low, high in itertools.pairwise(SPREADS)]
    named = (f"below {SPREADS[0]:g}", *titles, f"above {SPREADS[-1]:g}")
    edges = itertools.pairwise((0.0, *SPREADS, math.inf))
    return [
        *((f"spread {title}", within(*ends)) for title, ends in zip(named, edges, strict=True)),
        ("spread not known", lambda one: math.isnan(one.score_sd)),
    ]


def _error(what: str, known: Sequence[Known], key: str, fit: Fit) -> str:
    found = left_out(known, key, fit)
    wrong, count = (sum(column) for column in zip(*found.values(), strict=True))
    parts = listed(f"{name} {some} of {all_}" for name, (some, all_) in found.items() if some)
    where = f": {parts}" if parts else ""
    return f"{what} that is fitted without one {key} is wrong on {wrong} of {count} runs of those left out{where}."
