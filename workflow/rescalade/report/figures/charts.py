"""Outcomes: head norms, step-0 loss against quality; and what charts of outcomes share."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from rescalade.audited import LARGE_NORM
from rescalade.report.figures.style import (
    CARD,
    INK,
    MARKERS,
    MUTED,
    SERIES,
    legend_columns,
    plain_log,
    wrapped,
)
from rescalade.report.results.labels import backbone_title, scale_words
from rescalade.report.results.summary import Cell, Summary
from rescalade.report.tables.row_norms import audited_norm

WIDE = 7.2
"""Inches of a figure that stands alone."""
LABELLED = 40
"""Most points of a scatter plot that get their k written beside them."""


def norm_chart(axes: Axes, summary: Summary) -> None:
    """Mean row norm before (filled) and after each division (hollow, with its k), one line per backbone."""
    names = summary.config.backbones()
    for place, name in enumerate(names):
        before = audited_norm(summary, name)
        if not math.isfinite(before) or before <= 0:
            axes.text(0.02, place, "not audited", transform=axes.get_yaxis_transform(), va="center", color=MUTED)
            continue
        variants = [cell.variant for cell in summary.of(name) if cell.variant.divides_matrix]
        scales = sorted({variant.scale for variant in variants if not variant.unchosen} - {1.0})
        after = [before / scale for scale in scales]
        axes.plot([min([before, *after]), before], [place, place], color=MUTED, linewidth=1, zorder=2)
        axes.plot(after, [place] * len(after), "o", color=SERIES[3], markerfacecolor=CARD, markersize=6, zorder=3)
        axes.plot([before], [place], "s", color=SERIES[0], markersize=7, zorder=4)
        for value, words in [(before, f"{before:.2f}"), *zip(after, (f"k={k:g}" for k in scales), strict=True)]:
            axes.annotate(
                words, (value, place), xytext=(0, 6), textcoords="offset points", ha="center", fontsize=8, color=INK
            )
    axes.axvline(LARGE_NORM, color=MUTED, linewidth=1, linestyle=(0, (1, 2)))
    axes.annotate(
        f"the paper calls a head large above {LARGE_NORM:g}", (LARGE_NORM, 1), xycoords=("data", "axes fraction"),
        xytext=(4, -2), textcoords="offset points", fontsize=8, color=MUTED, va="top",
    )  # fmt: skip
    axes.set_xscale("log")
    plain_log(axes.xaxis)
    axes.set_yticks(range(len(names)), [wrapped(backbone_title(summary.config, name), 24) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.9)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("mean L2 norm of the rows of W")
    handles = [
        Line2D([], [], linestyle="none", marker="s", color=SERIES[0], markersize=7, label="before"),
        Line2D([], [], linestyle="none", marker="o", color=SERIES[3], markerfacecolor=CARD, label="after division"),
    ]
    axes.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)


def prediction_chart(axes: Axes, summary: Summary) -> None:
    """Loss at step 0 against in-domain quality, a point per cell, k beside it."""
    for place, name in enumerate(summary.config.backbones()):
        points = [(cell, *_point(summary, cell)) for cell in summary.of(name)]
        known = [(cell, x, y) for cell, x, y in points if math.isfinite(x) and math.isfinite(y) and x > 0]
        if not known:
            continue
        axes.plot(
            [x for _, x, _ in known], [y for _, _, y in known], linestyle="none", color=SERIES[place % len(SERIES)],
            marker=MARKERS[(place + place // len(SERIES)) % len(MARKERS)], markersize=7,
            label=wrapped(backbone_title(summary.config, name)),
        )  # fmt: skip
        for cell, x, y in known if len(summary.cells) <= LABELLED else ():
            words = f"k={scale_words(cell.variant)}" + ("" if cell.variant.mode == "tied" else f" {cell.variant.mode}")
            axes.annotate(words, (x, y), xytext=(6, 3), textcoords="offset points", fontsize=7.5, color=INK)
        crosses(axes, [(x, y) for cell, x, y in known if cell.collapsed])
    axes.set_xscale("log")
    plain_log(axes.xaxis)
    axes.set_xlabel("loss at step 0")
    axes.set_ylabel(wrapped(f"in-domain {summary.in_domain_label} after training"))
    axes.margins(x=0.12, y=0.12)
    axes.set_ylim(bottom=min(-0.02, axes.get_ylim()[0]))
    legend_above(axes, WIDE, any(cell.collapsed for cell in summary.cells))


def _point(summary: Summary, cell: Cell) -> tuple[float, float]:
    loss = cell.outcome(lambda outcome: outcome.first_loss).mean
    return (math.nan if loss is None else loss), summary.quality(cell)


def crosses(axes: Axes, points: Sequence[tuple[float, float]]) -> None:
    """A cross over every collapsed point, told in the legend; edged, so that it is seen on a dot of any colour."""
    x, y = [x for x, _ in points], [y for _, y in points]
    for colour, width in ((CARD, 2.6), (INK, 1.2)):
        axes.plot(x, y, "x", color=colour, markersize=10, markeredgewidth=width, zorder=9)


def legend_above(axes: Axes, width: float, collapsed: bool = False) -> None:
    """A legend in so many inches; with the cross where anything collapsed."""
    handles, _ = axes.get_legend_handles_labels()
    if collapsed:
        handles.append(Line2D([], [], linestyle="none", marker="x", color=INK, markersize=9, label="collapsed"))
    if handles:
        columns = legend_columns([str(handle.get_label()) for handle in handles], width)
        axes.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=columns, columnspacing=1.2)
