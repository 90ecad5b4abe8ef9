"""Where runs begin and how they end: loss and active share, and quality against row norm and spread of scores."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import NullLocator

from rescalade.report.figures.figure_set import FigureSet, Panel
from rescalade.report.figures.style import CARD, GRID, INK, PANEL, SERIES, legend_columns, plain_log, wrapped
from rescalade.report.results.step0_map import BY_NORM, BY_PAIR, BY_SPREAD, Judged, Predictor, Step0Map, step0_map
from rescalade.report.results.step0_states import Step0State, has_failed, step0_states
from rescalade.report.results.summary import Summary
from rescalade.report.results.window import Axis

Ending = Literal["trained", "failed", "both"]
ENDINGS: Mapping[Ending, str] = {"trained": "trained", "failed": "failed", "both": "runs disagree"}
SHAPES = ("o", "s", "D", "^", "v", "P")
STROKES = ("x", "+", "1", "2", "3", "4")
"""Of runs that failed, by family; runs that trained are filled shapes, so that outcomes differ without colour."""
COLOURS = (SERIES[3], SERIES[0], SERIES[2], SERIES[4], SERIES[1], SERIES[5])
BORDER: Mapping[str, Any] = {"facecolor": GRID, "edgecolor": INK, "linewidth": 1.1, "zorder": 0.5}
LEGEND_LINE = 0.2
"""Inches."""
LINEAR = 2e-4
"""Active share below which the axis is linear, so that 0 has a place: about one term of a vocabulary of 4096."""
SHARES = {0.0: "0", 0.001: "0.1 %", 0.01: "1 %", 0.1: "10 %", 0.5: "50 %"}
WORDS = (0.17, 0.04)
"""Of the axes: about the width of such words as `12 of 15` with their point, and half of the height that they need."""
CROWD = 10
"""Runs at one place of the map, from which on how many trained is written beside it."""


@dataclass(frozen=True)
class Start:
    """Cells of one family that begin alike as far as the eye can tell: one point. trained, failed: runs."""

    family: str
    units: float
    share: float
    trained: int
    failed: int

    @property
    def ending(self) -> Ending:
        """What its runs agree on."""
        return "both" if self.trained and self.failed else "trained" if self.trained else "failed"


@dataclass(frozen=True)
class Point:
    """A run by what it began with, and the quality that it reached."""

    family: str
    ending: Ending
    began: float
    reached: float


def step0_figure(summary: Summary) -> FigureSet:
    """The map of starts, and two predictors side by side: row norm over k, and the spread of the first scores."""
    found = step0_map(summary)
    panels = [
        _map_panel(summary, found),
        _quality_panel(summary, found, BY_NORM, "step0-norm"),
        _quality_panel(summary, found, BY_SPREAD, "step0-spread"),
    ]
    return FigureSet(
        "step0-map",
        "Which runs train, told from before training",
        "First, a point for cells that begin alike: loss at step 0 in units of ln(candidates), and share of the "
        "vocabulary that is active in a document; beside points of many runs, or of runs that disagree, stands how "
        "many trained, where there is room. Then every run by row norm over k and by the spread of the scores of its "
        "first batch, against the quality that it reached. Shaded: the window that is wrong on fewest runs; the table "
        "of the same name has its errors on backbones that it was not fitted on. Filled: trained; strokes: failed; "
        "half filled: runs disagree.",
        tuple(panel for panel in panels if panel is not None),
    )


def starts(summary: Summary) -> list[Start]:
    """Points of the map, of cells that were made; a loss that is not finite has no place on it."""
    grouped: dict[tuple[str, tuple[str, str]], list[Step0State]] = {}
    for state in step0_states(summary):
        if state.made and math.isfinite(state.units) and state.units > 0 and math.isfinite(state.active_document):
            grouped.setdefault((state.family, _place(state.units, state.active_document)), []).append(state)
    return [
        Start(
            family,
            math.fsum(state.units for state in states) / len(states),
            math.fsum(state.active_document for state in states) / len(states),
            sum(state.trained for state in states),
            sum(state.failed for state in states),
        )
        for (family, _), states in grouped.items()
    ]


def crowds(points: Sequence[Start]) -> Iterator[tuple[float, float, int, int]]:
    """Loss, share, runs that trained and runs, of whatever family, where they are many or disagree at one place."""
    places: dict[tuple[str, str], list[Start]] = {}
    for point in points:
        places.setdefault(_place(point.units, point.share), []).append(point)
    for together in places.values():
        trained, failed = sum(point.trained for point in together), sum(point.failed for point in together)
        if (trained and failed) or trained + failed >= CROWD:
            yield together[0].units, together[0].share, trained, trained + failed


def ended(summary: Summary, predictor: Predictor) -> Iterator[Point]:
    """Every run by the one number of a predictor; one that failed and has no score stands at 0."""
    for state in step0_states(summary):
        (began,) = predictor.values(state)
        for run, verdict in zip(state.cell.runs, state.cell.verdicts, strict=True):
            reached = summary.in_domain(run)
            if verdict is None or not (math.isfinite(began) and began >= 0):
                continue
            if has_failed(verdict):
                yield Point(state.family, "failed", began, reached if math.isfinite(reached) else 0.0)
            elif math.isfinite(reached):
                yield Point(state.family, "trained", began, reached)


def _place(units: float, share: float) -> tuple[str, str]:
    """Loss and share to as many digits as the eye can tell."""
    return f"{units:.2g}", f"{share:.2g}" if share >= LINEAR else f"{share:.5f}"


def _map_panel(summary: Summary, found: Step0Map) -> Panel | None:
    judged = found.of(BY_PAIR)
    if judged is None:
        return None
    points = starts(summary)
    outside = found.runs - sum(point.trained + point.failed for point in points)
    unseen = f"{outside} runs whose loss is not finite have no point. " if outside else ""
    handles = _handles(found, {(point.family, point.ending) for point in points}, judged)
    return Panel(
        "step0-map",
        f"Map of starts, loss over ln(candidates) by active share of documents. {_said(judged, found)} {unseen}"
        "Values in the table step0-states.",
        partial(_map, points=points, judged=judged, found=found, handles=handles),
        _size(handles),
    )


def _quality_panel(summary: Summary, found: Step0Map, predictor: Predictor, name: str) -> Panel | None:
    judged = found.of(predictor)
    if judged is None:
        return None
    points = list(ended(summary, predictor))
    handles = _handles(found, {(point.family, point.ending) for point in points}, judged)
    reached = f"in-domain {summary.in_domain_label} after training"
    return Panel(
        name,
        f"Every run by {predictor.measures[0].words}, log axis, and {reached}. {_said(judged, found)}",
        partial(_quality, points=points, judged=judged, found=found, handles=handles, label=reached),
        _size(handles),
    )


def _map(axes: Axes, points: Sequence[Start], judged: Judged, found: Step0Map, handles: Sequence[Any]) -> None:
    _plot(axes, found, [(point.family, point.ending, point.units, point.share) for point in points])
    axes.set_xscale("log")
    axes.set_yscale("symlog", linthresh=LINEAR, linscale=0.5)
    axes.margins(x=0.08, y=0.08)
    plain_log(axes.xaxis)
    axes.set_yticks(list(SHARES), list(SHARES.values()))
    axes.yaxis.set_minor_locator(NullLocator())
    (left, right), (bottom, top) = axes.get_xlim(), (-LINEAR / 2, max(1.0, axes.get_ylim()[1]))
    across, along = judged.box
    low, high = max(across.low, left), min(across.high, right)
    least, most = max(along.low, bottom), min(along.high, top)
    if low < high and least < most:
        axes.add_patch(Rectangle((low, least), high - low, most - least, **BORDER, linestyle=(0, (4, 2))))
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    axes.set_xlabel("loss at step 0, in units of ln(candidates)")
    axes.set_ylabel("active share of documents")
    _write_crowds(axes, points)
    _legend(axes, handles)


def _write_crowds(axes: Axes, points: Sequence[Start]) -> None:
    """How many trained, the largest crowds first, right of their point or left of it; not where it would cover another.

    Expects that the limits of the axes stand.
    """
    on_axes = axes.transScale + axes.transLimits
    taken = [tuple(on_axes.transform((point.units, point.share))) for point in points]
    for units, share, trained, count in sorted(crowds(points), key=lambda crowd: -crowd[3]):
        x, y = on_axes.transform((units, share))
        for side in (1, -1):
            middle = x + side * WORDS[0] / 2, y
            within = WORDS[0] / 2 <= middle[0] <= 1 - WORDS[0] / 2
            # its own point lies beside the words, not under them
            if within and all(
                abs(middle[0] - a) > WORDS[0] / 2 - 0.01 or abs(middle[1] - b) > WORDS[1] for a, b in taken
            ):
                axes.annotate(
                    f"{trained} of {count}", (units, share), xytext=(side * 6, 0), textcoords="offset points",
                    fontsize=7.5, color=INK, zorder=9, ha="left" if side > 0 else "right", va="center",
                )  # fmt: skip
                taken += [(middle[0] + shift * WORDS[0], y) for shift in (-0.3, 0.0, 0.3)]
                break


def _quality(
    axes: Axes, points: Sequence[Point], judged: Judged, found: Step0Map, handles: Sequence[Any], label: str
) -> None:
    _plot(axes, found, [(point.family, point.ending, point.began, point.reached) for point in points])
    _ratios(axes, judged.predictor.measures[0].axis, any(point.began == 0 for point in points))
    axes.margins(x=0.08, y=0.08)
    left, right = axes.get_xlim()
    (window,) = judged.box
    low, high = max(window.low, left), min(window.high, right)
    if low < high:
        axes.axvspan(low, high, **BORDER, linestyle=(0, (4, 2)))
    axes.set_xlim(left, right)
    axes.set_ylim(bottom=min(-0.02, axes.get_ylim()[0]))
    axes.set_xlabel(judged.predictor.measures[0].words)
    axes.set_ylabel(wrapped(label))
    _legend(axes, handles)


def _ratios(axes: Axes, axis: Axis, nothing: bool) -> None:
    """A log axis across; linear below the floor of the measure where 0 needs a place, and written at every tenfold."""
    if not nothing:
        axes.set_xscale("log")
        plain_log(axes.xaxis)
        return
    floor = axis.floor or LINEAR
    axes.set_xscale("symlog", linthresh=floor, linscale=0.5)
    most = axes.dataLim.x1
    tens = [floor * 10.0**power for power in range(int(math.log10(max(most, floor) / floor)) + 1)]
    axes.set_xticks([0.0, *tens], ["0", *(f"{ten:g}" for ten in tens)])
    axes.xaxis.set_minor_locator(NullLocator())


def _plot(axes: Axes, found: Step0Map, points: Sequence[tuple[str, Ending, float, float]]) -> None:
    for family in found.families:
        for ending in ENDINGS:
            places = [(x, y) for name, ended_as, x, y in points if (name, ended_as) == (family, ending)]
            if places:
                axes.plot(*zip(*places, strict=True), **_marker(found, family, ending))


def _marker(found: Step0Map, family: str, ending: Ending) -> dict[str, Any]:
    place = found.families.index(family)
    colour = COLOURS[place % len(COLOURS)]
    if ending == "failed":
        size = {"markersize": 7, "markeredgewidth": 1.6}
        return {"linestyle": "none", "marker": STROKES[place % len(STROKES)], "color": colour, "zorder": 6, **size}
    filled: dict[str, Any] = {"fillstyle": "full", "markeredgecolor": CARD}
    if ending == "both":
        filled = {"fillstyle": "left", "markerfacecoloralt": CARD, "markeredgecolor": colour}
    shape = SHAPES[place % len(SHAPES)]
    return {
        "linestyle": "none",
        "marker": shape,
        "color": colour,
        "markersize": 7,
        "zorder": 5 if ending == "trained" else 7,
        **filled,
    }


def _handles(found: Step0Map, drawn: set[tuple[str, Ending]], judged: Judged) -> list[Any]:
    marks = [
        Line2D([], [], label=wrapped(f"{family}: {ENDINGS[ending]}", 30), **_marker(found, family, ending))
        for family in found.families
        for ending in ENDINGS
        if (family, ending) in drawn
    ]
    return [*marks, Patch(label=f"wrong on {judged.errors} of {found.runs} runs", **BORDER)]


def _said(judged: Judged, found: Step0Map) -> str:
    """The window and its errors, for those who do not see it."""
    ends = " and ".join(
        f"{measure.words} {window.words}" for measure, window in zip(judged.predictor.measures, judged.box, strict=True)
    )
    return f"A window of {ends} is wrong on {judged.errors} of {found.runs} runs, of which {found.trained} trained."


def _legend(axes: Axes, handles: Sequence[Any]) -> None:
    axes.legend(
        handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=_columns(handles), columnspacing=1.2,
        handlelength=1.6,
    )  # fmt: skip


def _columns(handles: Sequence[Any]) -> int:
    return legend_columns([str(handle.get_label()) for handle in handles], PANEL[0])


def _size(handles: Sequence[Any]) -> tuple[float, float]:
    """Room for the legend above the panel."""
    return PANEL[0], PANEL[1] + LEGEND_LINE * math.ceil(len(handles) / _columns(handles))
