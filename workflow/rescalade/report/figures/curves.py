"""Training seen step by step: loss and active document terms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from rescalade.objective.collapse import DEAD_TERMS, SATURATED_SHARE
from rescalade.report.figures.style import (
    DASHES,
    INK,
    MARKERS,
    MUTED,
    PANEL,
    RULE_MARKERS,
    SERIES,
    fitting_columns,
    mode_look,
    note,
    wrapped,
)
from rescalade.report.results.labels import backbone_title, variant_title
from rescalade.report.results.load import RunResult
from rescalade.report.results.summary import Cell, Summary
from rescalade.variants import Variant

Floats = NDArray[np.float64]
POINTS = 400
"""Most points of a line; above it each bin keeps its lowest and highest value, so that spikes stay."""


def loss_panel(axes: Axes, summary: Summary, backbone: str, limits: tuple[float, float]) -> None:
    """Loss over steps on a log axis: a colour, dash and marker per variant, a thin line per seed."""
    cells = [cell for cell in summary.of(backbone) if cell.made]
    gaps = _lines(axes, summary, cells, "loss", positive=True)
    axes.set_yscale("log")
    axes.set_ylim(*limits)
    _finish(axes, summary, backbone, "training loss", cells, gaps)


def activity_panel(axes: Axes, summary: Summary, backbone: str, limits: tuple[float, float]) -> None:
    """Active terms per document over steps; linear below 1 so that a dead run, at 0, is seen."""
    cells = [cell for cell in summary.of(backbone) if cell.made]
    gaps = _lines(axes, summary, cells, "active_document", positive=False)
    axes.set_yscale("symlog", linthresh=1, linscale=0.4)
    axes.set_ylim(-0.25, limits[1])
    audit = summary.results.audits.get(backbone)
    activity_bounds(axes, None if audit is None else audit.vocabulary)
    _finish(axes, summary, backbone, "active terms per document", cells, gaps)


def activity_bounds(axes: Axes, vocabulary: int | None) -> None:
    """Lines at the number of active terms below which a head counts as dead, and above which as saturated."""
    bounds = [(DEAD_TERMS, f"dead below {DEAD_TERMS:g}", 2)]
    if vocabulary is not None:
        limit = SATURATED_SHARE * vocabulary
        bounds.append((limit, f"saturated above {limit:g}", -3))
    for height, words, shift in bounds:
        axes.axhline(height, color=MUTED, linewidth=0.9, linestyle=(0, (1, 2)))
        note(axes, height, words, (-2, shift))


def loss_limits(summary: Summary, column: str = "loss") -> tuple[float, float]:
    """Limits of one axis for all backbones: all finite values above 0, with a margin."""
    values = [_column(run, column) for run in summary.results.runs if run.history is not None]
    finite = np.concatenate(values) if values else np.empty(0)
    finite = finite[np.isfinite(finite) & (finite > 0)]
    if not finite.size:
        return 0.1, 10.0
    return float(finite.min()) / 1.4, float(finite.max()) * 2.2


def curve_size(summary: Summary, backbone: str) -> tuple[float, float]:
    """Inches of a panel of curves: room for the legend below it, two rows of which always fit."""
    labels = [variant_title(cell.variant) for cell in summary.of(backbone) if cell.made] + ["not finite"]
    rows = -(-len(labels) // fitting_columns(labels, PANEL[0]))
    return PANEL[0], PANEL[1] + 0.17 * max(0, rows - 2)


def variant_look(variants: Sequence[Variant], variant: Variant) -> dict[str, Any]:
    """Colour, dash and marker by scale among the experiment's scales; the marker's filling by mode.

    A k that a rule chose has the rule's own marker, since the same k may have been given too.
    """
    scales = sorted({item.scale for item in variants if not item.unchosen} | {variant.scale})
    place = scales.index(variant.scale)
    colour = SERIES[place % len(SERIES)]
    return {
        "color": colour,
        "linestyle": DASHES[place % len(DASHES)],
        "marker": RULE_MARKERS[variant.rule] if variant.rule else MARKERS[place % len(MARKERS)],
        **mode_look(variant.mode, colour),
        "markersize": 6.5 if variant.rule else 4.5,
    }


def thinned(steps: Floats, values: Floats, points: int = POINTS) -> tuple[Floats, Floats]:
    """At most about `points` of a line: the lowest and highest of each bin, and every gap's first step."""
    if len(values) <= points:
        return steps, values
    keep = {0, len(values) - 1}
    for part in np.array_split(np.arange(len(values)), points // 2):
        bad = part[~np.isfinite(values[part])]
        good = part[np.isfinite(values[part])]
        if bad.size:
            keep.add(int(bad[0]))
        if good.size:
            keep |= {int(good[np.argmin(values[good])]), int(good[np.argmax(values[good])])}
    chosen = sorted(keep)
    return steps[chosen], values[chosen]


def _lines(axes: Axes, summary: Summary, cells: Sequence[Cell], column: str, positive: bool) -> bool:
    """Draw every seed of every cell; returns whether any value was not finite."""
    variants = [cell.variant for cell in summary.cells]
    gaps = False
    for cell in cells:
        style = variant_look(variants, cell.variant)
        for number, run in enumerate(cell.made):
            values, steps = _column(run, column), _column(run, "step")
            shown = np.where(np.isfinite(values) & ((values > 0) | (not positive)), values, math.nan)
            bad = steps[~np.isfinite(values)]
            gaps = gaps or bool(bad.size)
            xs, ys = thinned(steps, shown)
            every = max(1, len(xs) // 7)
            start = min(len(xs) // 25 * (1 + number), every)
            axes.plot(xs, ys, **style, linewidth=1.1, alpha=0.6 if number else 1, markevery=(start, every))
            if bad.size:
                marks = axes.plot(
                    bad, np.full(bad.size, 0.965), transform=axes.get_xaxis_transform(), linestyle="none",
                    marker="x", markersize=4, color=style["color"],
                )  # fmt: skip
                marks[0].set_in_layout(False)
    return gaps


def _finish(axes: Axes, summary: Summary, backbone: str, label: str, cells: Sequence[Cell], gaps: bool) -> None:
    axes.set_title(wrapped(backbone_title(summary.config, backbone), 48))
    axes.set_xlabel("optimiser step")
    axes.set_ylabel(label)
    if not cells:
        axes.text(0.5, 0.5, "not run", transform=axes.transAxes, ha="center", color=MUTED)
        return
    variants = [cell.variant for cell in summary.cells]
    handles = [
        Line2D([], [], label=variant_title(cell.variant), linewidth=1.1, **variant_look(variants, cell.variant))
        for cell in cells
    ]
    if gaps:
        handles.append(Line2D([], [], linestyle="none", marker="x", markersize=4, color=INK, label="not finite"))
    columns = fitting_columns([str(handle.get_label()) for handle in handles], PANEL[0])
    axes.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=columns)


def _column(run: RunResult, name: str) -> Floats:
    if run.history is None:
        return np.empty(0)
    values: Floats = run.history[name].to_numpy(dtype=np.float64, na_value=math.nan)
    return values
