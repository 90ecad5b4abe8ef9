"""Systems side by side: quality against FLOPS, a marker each, those of others hollow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from matplotlib.axes import Axes

from rescalade.report.figures.charts import legend_above
from rescalade.report.figures.figure_set import FigureSet, Panel
from rescalade.report.figures.style import CARD, INK, MARKERS, PANEL, SERIES, note, plain_log, wrapped
from rescalade.report.results.labels import metric, quality_words
from rescalade.report.results.summary import Summary
from rescalade.report.results.systems import System, systems


@dataclass(frozen=True)
class Place:
    """Where a system stands: plain means over the data sets. flops: NaN for a ranking without vectors."""

    system: System
    quality: float
    flops: float


def places(summary: Summary) -> list[Place]:
    """Systems that are scored on every data set."""
    sets = summary.config.test_sets()
    found = []
    for system in systems(summary):
        means = [system.spread(name, metric(summary.config, name)).mean for name in sets]
        known = [mean for mean in means if mean is not None]
        if sets and len(known) == len(sets):
            found.append(Place(system, math.fsum(known) / len(known), _flops(system, sets)))
    return found


def systems_figure(summary: Summary) -> FigureSet:
    """A point per system that has vectors; a line across for BM25 and for rankings that others have made."""
    label = quality_words(summary.config, summary.config.test_sets())
    drawn = places(summary)
    lines = 1 + sum(len(_title(place.system).splitlines()) for place in drawn)
    return FigureSet(
        "systems",
        "Systems side by side",
        f"Quality ({label}, mean over the data sets) against FLOPS on a log axis. Hollow: made by others; filled: "
        "trained here, at the best k. Dashed across: BM25; dotted across: rankings of others, whose vectors are not "
        "known. Up and to the left is better.",
        (
            Panel(
                "systems",
                f"{label} against FLOPS of {len(drawn)} systems; values in the table of the same name.",
                partial(_draw, drawn=drawn, label=label),
                (PANEL[0], PANEL[1] + 0.18 * lines),
            ),
        ),
    )


def _draw(axes: Axes, drawn: Sequence[Place], label: str) -> None:
    number = 0
    for place in drawn:
        if place.system.origin == "baseline":
            axes.axhline(place.quality, color=INK, linewidth=1.1, linestyle=(0, (5, 2)))
            note(axes, place.quality, place.system.title, (-2, 2))
            continue
        colour, marker = SERIES[number % len(SERIES)], MARKERS[number % len(MARKERS)]
        number += 1
        if math.isfinite(place.flops) and place.flops > 0:
            axes.plot(
                [place.flops], [place.quality], color=colour, marker=marker, markersize=9, linestyle="none",
                markerfacecolor=colour if place.system.origin == "trained" else CARD, markeredgewidth=1.6,
                label=_title(place.system), zorder=4,
            )  # fmt: skip
        else:
            axes.axhline(place.quality, color=colour, linewidth=1.4, linestyle=(0, (1, 2)), label=_title(place.system))
    axes.set_xscale("log")
    plain_log(axes.xaxis)
    axes.set_xlabel("FLOPS")
    axes.set_ylabel(wrapped(label, 28))
    axes.margins(x=0.2, y=0.2)
    legend_above(axes, PANEL[0])


def _flops(system: System, sets: Sequence[str]) -> float:
    values = [found[name].sparsity for found in system.scores for name in sets if name in found]
    known = [value.flops for value in values if value is not None]
    return math.fsum(known) / len(known) if known and len(known) == len(values) else math.nan


def _title(system: System) -> str:
    return wrapped(system.title, 52)
