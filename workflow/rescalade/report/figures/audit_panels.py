"""Drawings of an audit against k: loss at step 0, row norm, active terms, and the k of each rule."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from rescalade.audited import LARGE_NORM, Audit
from rescalade.report.figures.audit_series import marked_scales, scales, series
from rescalade.report.figures.curves import activity_bounds
from rescalade.report.figures.style import (
    CARD,
    DASHES,
    INK,
    MARKERS,
    MUTED,
    PANEL,
    SERIES,
    legend_columns,
    note,
    plain_log,
    wrapped,
)
from rescalade.report.results.audit_read import predictions
from rescalade.report.results.numbers import written

BEYOND = 8.0
"""A rule's k is drawn up to this factor outside of the k that were tried, and at the edge beyond it."""
EDGE = 1.3
"""Factor by which the axis goes on beyond the outermost k; room for the k that was rounded to it."""
CROWDED = 7
"""Octaves from which the names of the rules are written upright."""
MANY = 5
"""Names of rules above which they stand upright: each of the shorter ones then needs a neighbour's room."""


def loss_panel(axes: Axes, audit: Audit | None) -> None:
    """Loss at step 0, both axes logarithmic, with the loss of guessing among the candidates."""
    bad = _lines(axes, audit, "step0_loss", positive=True)
    axes.set_yscale("log")
    if audit is not None:
        number = audit.text.documents
        level = math.log(number)
        axes.axhline(level, color=INK, linewidth=1, linestyle=(0, (2, 2)))
        axes.set_ylim(bottom=min(axes.get_ylim()[0], level / 1.6))
        note(axes, level, f"ln {number} = {written(level, 'size')}, guessing")
    plain_log(axes.yaxis)
    _finish(axes, audit, "loss at step 0", bad)


def norm_panel(axes: Axes, audit: Audit | None) -> None:
    """Mean row norm of W divided by k, the same in every mode."""
    tried = scales(audit)
    if audit is not None:
        divided = [audit.row_norm.mean / k for k in tried]
        axes.plot(tried, divided, color=SERIES[0], marker=MARKERS[0], markersize=5, linewidth=1.3)
    axes.set_yscale("log")
    axes.axhline(LARGE_NORM, color=MUTED, linewidth=1, linestyle=(0, (1, 2)))
    note(axes, LARGE_NORM, f"the paper calls a head large above {LARGE_NORM:g}")
    plain_log(axes.yaxis)
    _finish(axes, audit, "mean row norm of W, divided by k", bad=False, legend=False)


def active_panel(axes: Axes, audit: Audit | None) -> None:
    """Active terms of a document; linear below 1 so that a dead head, at 0, is seen."""
    bad = _lines(axes, audit, "active_document", positive=False)
    axes.set_yscale("symlog", linthresh=1, linscale=0.4)
    axes.set_ylim(-0.25, None if audit is None else 1.5 * audit.vocabulary)
    activity_bounds(axes, None if audit is None else audit.vocabulary)
    _finish(axes, audit, "active terms per document", bad)


def rule_panel(axes: Axes, audit: Audit | None) -> None:
    """A line per rule: k as computed (hollow circle) and the power of two that is used (square)."""
    found = list(predictions(audit))
    low, high = _limits(audit)
    for place, (_, prediction) in enumerate(found):
        raw = prediction.k
        square = min(max(float(prediction.power), low), high)
        if raw is not None and raw > 0:
            circle = min(max(raw, low / EDGE), high * EDGE)
            axes.plot([circle, square], [place, place], color=MUTED, linewidth=1)
            axes.plot(
                [circle], [place], "o", color=SERIES[3], markerfacecolor=CARD, markersize=8.5, markeredgewidth=1.3
            )
        axes.plot([square], [place], "s", color=SERIES[0], markersize=5)
    axes.set_yticks(range(len(found)), [rule for rule, _ in found])
    axes.set_ylim(len(found) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    handles = [
        Line2D([], [], linestyle="none", marker="o", color=SERIES[3], markerfacecolor=CARD, markersize=8.5,
               label="k as computed"),
        Line2D([], [], linestyle="none", marker="s", color=SERIES[0], markersize=5, label="power of two that is used"),
    ]  # fmt: skip
    _scale_axis(axes, audit)
    axes.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=2)


def _lines(axes: Axes, audit: Audit | None, key: str, positive: bool) -> bool:
    """A line per series; returns whether any value was not finite."""
    bad: list[tuple[float, int]] = []
    lines = series(audit)
    for place, one in enumerate(lines):
        points = one.points(key)
        wider = max(0, min(len(lines), 4) - 1 - place)  # so that a line shows below another that lies upon it
        shown = [(k, value) for k, value in points if math.isfinite(value) and (value > 0 or not positive)]
        bad += [(k, place) for k, value in points if not math.isfinite(value)]
        axes.plot(
            [k for k, _ in shown], [value for _, value in shown], color=SERIES[place % len(SERIES)],
            linestyle=DASHES[place % len(DASHES)], marker=MARKERS[place % len(MARKERS)],
            markersize=5 + 2.5 * wider, linewidth=1.3 + 0.8 * wider, label=wrapped(one.title),
        )  # fmt: skip
    for k, place in bad:
        colour = SERIES[place % len(SERIES)]
        axes.plot([k], [0.965], "x", transform=axes.get_xaxis_transform(), color=colour, markersize=6)
    if not lines:
        axes.text(0.5, 0.5, "not audited", transform=axes.transAxes, ha="center", color=MUTED)
    return bool(bad)


def _finish(axes: Axes, audit: Audit | None, label: str, bad: bool, legend: bool = True) -> None:
    axes.set_ylabel(label)
    _scale_axis(axes, audit)
    _mark_rules(axes, audit)
    handles, _ = axes.get_legend_handles_labels()
    if bad:
        handles = [*handles, Line2D([], [], linestyle="none", marker="x", markersize=6, color=INK, label="not finite")]
    if handles and legend:
        columns = legend_columns([str(handle.get_label()) for handle in handles], PANEL[0])
        below = -0.27 if _upright(audit) else -0.17  # a share of the axes, which upright names make lower
        axes.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, below), ncols=columns)


def _limits(audit: Audit | None) -> tuple[float, float]:
    """Lowest and highest k that are drawn."""
    tried = scales(audit) or [1.0]
    marked = list(marked_scales(audit)) or tried
    low = max(min(marked), tried[0] / BEYOND)
    high = min(max(marked), tried[-1] * BEYOND)
    return min(tried[0], low), max(tried[-1], high)


def _scale_axis(axes: Axes, audit: Audit | None) -> None:
    low, high = _limits(audit)
    axes.set_xscale("log", base=2)
    ticks = sorted({*scales(audit), *(k for k in marked_scales(audit) if low <= k <= high)}) or [1.0]
    axes.set_xticks(ticks, [f"{k:g}" for k in ticks])
    axes.minorticks_off()
    axes.set_xlim(low / EDGE / 1.05, high * EDGE * 1.05)
    axes.set_xlabel("scale factor k")


def _mark_rules(axes: Axes, audit: Audit | None) -> None:
    """A dotted line at every k that a rule predicts, the rules' names above it."""
    low, high = _limits(audit)
    labels: dict[float, list[str]] = {}
    for power, rules in marked_scales(audit).items():
        place = min(max(power, low), high)
        beyond = "" if place == power else f" ({power:g})"
        labels.setdefault(place, []).extend(f"{rule}{beyond}" for rule in rules)
    for place in labels:
        axes.axvline(place, color=MUTED, linewidth=1, linestyle=(0, (1, 2)), zorder=1)
    if labels:
        upright = _upright(audit)
        above = axes.secondary_xaxis("top")
        above.set_xticks(list(labels), [_stacked(rules, upright) for rules in labels.values()])
        above.minorticks_off()
        above.tick_params(length=0, labelsize=7.5, labelrotation=90 if upright else 0)
        above.spines["top"].set_visible(False)


def _upright(audit: Audit | None) -> bool:
    """Whether the names of the rules stand upright: they are many, or the scales are."""
    low, high = _limits(audit)
    return math.log2(high / low) > CROWDED or sum(map(len, marked_scales(audit).values())) > MANY


def _stacked(rules: Sequence[str], upright: bool) -> str:
    if not upright:
        return "\n".join(rules)
    # all of them in a row would leave no room for the curves
    return "\n".join(", ".join(rules[first : first + 2]) for first in range(0, len(rules), 2))
