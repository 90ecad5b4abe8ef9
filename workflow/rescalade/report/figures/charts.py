"""Outcomes: quality against k, head norms, step-0 loss against quality."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from rescalade.audited import LARGE_NORM
from rescalade.report.figures.style import (
    CARD,
    DASHES,
    INK,
    MARKERS,
    MUTED,
    PANEL,
    RULE_MARKERS,
    SERIES,
    legend_columns,
    mode_look,
    plain_log,
    wrapped,
)
from rescalade.report.results.labels import backbone_title, mode_title, scale_words
from rescalade.report.results.load import RunResult
from rescalade.report.results.summary import Cell, ScoresBySet, Summary
from rescalade.report.tables.row_norms import audited_norm

TOGETHER = 4
"""Backbones in one panel."""


WIDE = 7.2
"""Inches of a figure that stands alone."""
LABELLED = 40
"""Most points of a scatter plot that get their k written beside them."""


def families(summary: Summary) -> list[list[str]]:
    """Backbones for one panel each: a large-norm one with its twin, the others in file order, four at a time."""
    names = summary.config.backbones()
    groups: list[list[str]] = []
    paired: set[str] = set()
    for name in names:
        twin = summary.config.backbone(name).twin
        if twin in names and twin not in paired and name not in paired:
            groups.append([twin, name])
            paired |= {twin, name}
    rest = [name for name in names if name not in paired]
    return groups + [rest[start : start + TOGETHER] for start in range(0, len(rest), TOGETHER)]


def quality_panel(
    axes: Axes,
    summary: Summary,
    backbones: Sequence[str],
    pick: Callable[[RunResult], float],
    label: str,
    quality: Callable[[ScoresBySet], float],
) -> None:
    """A measure against k, a line per backbone and mode, error bars over seeds; BM25 and untrained models across."""
    ticks: set[float] = set()
    for place, name in enumerate(backbones):
        colour = SERIES[place % len(SERIES)]
        untrained = quality(summary.results.untrained.get(name, {}))
        if math.isfinite(untrained):
            axes.axhline(untrained, color=colour, linewidth=0.8, linestyle=(0, (1, 3)))
        chosen = [cell for cell in summary.of(name) if not cell.variant.unchosen]
        for series in dict.fromkeys(map(_series, chosen)):
            cells = [cell for cell in chosen if _series(cell) == series]
            mode, rule = cells[0].variant.mode, cells[0].variant.rule
            points = [(cell, cell.spread(pick)) for cell in cells]
            known = sorted((c.variant.scale, s.mean, s.sd or 0.0) for c, s in points if s.mean is not None)
            ticks |= {cell.variant.scale for cell in cells}
            if not known:
                continue
            title = _series_title(summary, cells[0])
            axes.errorbar(
                [k for k, _, _ in known], [m for _, m, _ in known], yerr=[sd for _, _, sd in known],
                color=colour, linestyle=DASHES[place % len(DASHES)] if mode == "tied" else ":", linewidth=1.4,
                capsize=3, marker=RULE_MARKERS[rule] if rule else MARKERS[place % len(MARKERS)],
                markersize=10 if rule else 6, label=title, **mode_look(mode, colour),
            )  # fmt: skip
            _crosses(axes, [(c.variant.scale, s.mean) for c, s in points if s.mean is not None and c.collapsed])
    reference = quality(summary.results.bm25)
    if math.isfinite(reference):
        axes.axhline(reference, color=INK, linewidth=1.1, linestyle=(0, (2, 2)), label="BM25")
    axes.set_xscale("log", base=2)
    axes.set_xticks(sorted(ticks) or [1], [f"{k:g}" for k in sorted(ticks)] or ["1"])
    axes.minorticks_off()
    axes.set_xlim(min(ticks, default=1) / 1.3, max(ticks, default=1) * 1.3)
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    axes.set_xlabel("scale factor k")
    axes.set_ylabel(wrapped(label, 28))
    legend_above(axes, PANEL[0], any(cell.collapsed for name in backbones for cell in summary.of(name)))


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
        _crosses(axes, [(x, y) for cell, x, y in known if cell.collapsed])
    axes.set_xscale("log")
    plain_log(axes.xaxis)
    axes.set_xlabel("loss at step 0")
    axes.set_ylabel(wrapped(f"in-domain {summary.in_domain_label} after training"))
    axes.margins(x=0.12, y=0.12)
    axes.set_ylim(bottom=min(-0.02, axes.get_ylim()[0]))
    legend_above(axes, WIDE, any(cell.collapsed for cell in summary.cells))


def _series(cell: Cell) -> tuple[str, str | None]:
    """Cells on one line: same mode, k given; or a k that the same rule chose, a point of its own."""
    return mode_title(cell.variant), cell.variant.rule


def _series_title(summary: Summary, cell: Cell) -> str:
    mode, rule = _series(cell)
    suffix = ("" if mode == "tied" else f", {mode}") + (f", k chosen by rule {rule}" if rule else "")
    return wrapped(backbone_title(summary.config, cell.backbone) + suffix, 52)


def legend_lines(summary: Summary, backbones: Sequence[str]) -> int:
    """Lines of text in the legend of a quality panel, BM25 included: one per backbone, mode and rule, or more."""
    titles = {_series_title(summary, cell) for name in backbones for cell in summary.of(name)}
    return 1 + sum(len(title.splitlines()) for title in titles)


def _point(summary: Summary, cell: Cell) -> tuple[float, float]:
    loss = cell.outcome(lambda outcome: outcome.first_loss).mean
    return (math.nan if loss is None else loss), summary.quality(cell)


def _crosses(axes: Axes, points: Sequence[tuple[float, float]]) -> None:
    """A cross over every collapsed point, told in the legend."""
    axes.plot(
        [x for x, _ in points], [y for _, y in points], "x", color=INK, markersize=10, markeredgewidth=1.4, zorder=9
    )


def legend_above(axes: Axes, width: float, collapsed: bool = False) -> None:
    """A legend in so many inches, BM25 last of the lines; with the cross where anything collapsed."""
    handles, labels = axes.get_legend_handles_labels()
    handles = [handle for _, handle in sorted(zip(labels, handles, strict=True), key=lambda pair: pair[0] == "BM25")]
    if collapsed:
        handles.append(Line2D([], [], linestyle="none", marker="x", color=INK, markersize=9, label="collapsed"))
    if handles:
        columns = legend_columns([str(handle.get_label()) for handle in handles], width)
        axes.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=columns, columnspacing=1.2)
