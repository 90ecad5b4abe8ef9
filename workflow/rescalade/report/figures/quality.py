"""Quality against k: every run a dot, collapse told by a cross."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

from matplotlib.axes import Axes

from rescalade.report.figures.charts import crosses, legend_above
from rescalade.report.figures.figure_set import FigureSet, Panel
from rescalade.report.figures.style import (
    CARD,
    DASHES,
    FILLED_IN_WORDS,
    INK,
    MARKERS,
    PANEL,
    RULE_MARKERS,
    SERIES,
    mode_look,
    note,
    wrapped,
)
from rescalade.report.results.labels import backbone_title, mode_title
from rescalade.report.results.load import RunResult
from rescalade.report.results.paired import Domain
from rescalade.report.results.summary import COLLAPSED, Cell, ScoresBySet, Summary

TOGETHER = 4
"""Backbones in one panel."""
EDGE = 0.16
"""Of the octaves between the smallest and the largest k, or of one: how far a quality panel goes beyond each."""
BESIDE, APART = 0.11, 0.04
"""Most of a quality panel's width between two backbones at one k, and between two seeds of one."""
FILLED_SHARE = 0.7
"""Of the room between two k for all backbones, and of a backbone's for its seeds."""


def quality_figures(summary: Summary) -> Iterator[FigureSet]:
    """In-domain, which comes first on a page, and out-of-domain where there are such sets.

    Of cells that divide a head and do no more, `preparation` shows the others; nothing where there are none.
    """
    if not any(cell.variant.plain for cell in summary.cells):
        return
    yield _figure(summary, "quality", "in-domain", summary.in_domain, summary.in_domain_quality)
    if summary.units:
        pick, quality = summary.out_of_domain, summary.out_of_domain_quality
        yield _figure(summary, "quality-out-of-domain", "out-of-domain", pick, quality)


def _figure(
    summary: Summary,
    name: str,
    domain: Domain,
    pick: Callable[[RunResult], float],
    quality: Callable[[ScoresBySet], float],
) -> FigureSet:
    """A panel per family, all of one height."""
    measured = summary.in_domain_label if domain == "in-domain" else summary.out_of_domain_label
    label, top = f"{domain} {measured}", highest(summary, pick, quality)
    panels = []
    for number, names in enumerate(families(summary)):
        titles = "; ".join(backbone_title(summary.config, backbone) for backbone in names)
        draw = partial(
            quality_panel, summary=summary, backbones=names, pick=pick, label=label, quality=quality, top=top
        )
        size = (PANEL[0], PANEL[1] + 0.18 * legend_lines(summary, names))
        panels.append(Panel(f"{name}-{number + 1}", f"{label} against k for {titles}.", draw, size))
    modes = len({cell.variant.mode for cell in summary.cells}) > 1
    return FigureSet(
        name,
        f"Quality against k, {domain}",
        "Each dot is a run of one seed, a line joins their means, and a cross marks a run that collapsed (at 0 where "
        "it could not be scored). Dashed across: BM25. Dotted across: what the backbone of that marker reaches before "
        f"any training.{f' Markers by mode: {FILLED_IN_WORDS}.' if modes else ''}",
        tuple(panels),
    )


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
    top: float = 0.0,
) -> None:
    """A measure against k, a dot per run, a line of means per backbone and mode; BM25 and untrained models across.

    Args:
        top: what the axis reaches at least.
    """
    plain = [cell for name in backbones for cell in summary.of(name) if cell.variant.plain]
    ticks = sorted({cell.variant.scale for cell in plain} - {0.0}) or [1.0]
    before: list[float] = []
    span = math.log2(ticks[-1] / ticks[0])
    edge = EDGE * (span or 1.0)
    octaves = span + 2 * edge
    gap = min((math.log2(large / small) for small, large in pairwise(ticks)), default=octaves)
    beside = min(BESIDE * octaves, FILLED_SHARE * gap / len(backbones))
    for place, name in enumerate(backbones):
        colour, marker = SERIES[place % len(SERIES)], MARKERS[place % len(MARKERS)]
        untrained = quality(summary.results.untrained.get(name, {}))
        if math.isfinite(untrained):
            before.append(untrained)
            axes.axhline(untrained, color=colour, linewidth=1, linestyle=(0, (1, 3)))
            axes.plot(
                [0], [untrained], transform=axes.get_yaxis_transform(), color=colour, marker=marker, markersize=5,
                markerfacecolor=CARD, clip_on=False, zorder=5,
            )  # fmt: skip
        aside = 2 ** (beside * (place - (len(backbones) - 1) / 2))
        chosen = [cell for cell in summary.of(name) if cell.variant.plain and not cell.variant.unchosen]
        for series in dict.fromkeys(map(_series, chosen)):
            cells = [cell for cell in chosen if _series(cell) == series]
            mode, rule = cells[0].variant.mode, cells[0].variant.rule
            means = sorted((cell.variant.scale * aside, cell.spread(pick).mean) for cell in cells)
            line: dict[str, Any] = {
                "color": colour,
                "linestyle": DASHES[place % len(DASHES)] if mode == "tied" else ":",
            }
            dots: dict[str, Any] = {"marker": RULE_MARKERS[rule] if rule else marker, "markersize": 8 if rule else 5.5}
            dots |= {"color": colour, **mode_look(mode, colour)}
            axes.plot([k for k, _ in means], [math.nan if m is None else m for _, m in means], linewidth=1.2, **line)
            axes.plot([], [], linewidth=1.2, label=_series_title(summary, cells[0]), **line | dots)
            for cell in cells:
                apart = _apart(octaves, beside, len(cell.runs))
                for k, value, collapsed in _dots(cell, pick, aside, apart):
                    size = dots["markersize"] + (2.5 if collapsed else 0)
                    axes.plot([k], [value], **dots | {"linestyle": "none", "markersize": size}, zorder=4)
                    crosses(axes, [(k, value)] if collapsed else [])
    reference = quality(summary.results.bm25)
    if math.isfinite(reference):
        axes.axhline(reference, color=INK, linewidth=1.1, linestyle=(0, (5, 2)))
        note(axes, reference, "BM25", (-2, 2))
    if before:
        note(axes, max(before), "untrained", (6, 2))
    axes.set_xscale("log", base=2)
    axes.set_xticks(ticks, [f"{k:g}" for k in ticks])
    axes.minorticks_off()
    # of many backbones beside one another the outermost dots need more than the edge
    seeds = len(summary.config.experiment.seeds)
    outermost = (beside * (len(backbones) - 1) + _apart(octaves, beside, seeds) * (seeds - 1)) / 2
    edge = max(edge, outermost + 0.02 * octaves)
    axes.set_xlim(ticks[0] / 2**edge, ticks[-1] * 2**edge)
    axes.set_ylim(-0.03 * max(top, axes.get_ylim()[1]), max(top, axes.get_ylim()[1]))
    axes.set_xlabel("scale factor k")
    axes.set_ylabel(wrapped(label, 28))
    collapsed = any(verdict in COLLAPSED for cell in plain for verdict in cell.verdicts)
    legend_above(axes, PANEL[0], collapsed)


def _apart(octaves: float, beside: float, seeds: int) -> float:
    """Octaves between two seeds of a cell."""
    return min(APART * octaves, FILLED_SHARE * beside / seeds)


def highest(summary: Summary, pick: Callable[[RunResult], float], quality: Callable[[ScoresBySet], float]) -> float:
    """Where the axis of every quality panel ends, so that heights compare: above all runs and all lines across."""
    across = [summary.results.bm25, *summary.results.untrained.values()]
    values = [*map(pick, summary.results.runs), *map(quality, across)]
    return 1.05 * max(filter(math.isfinite, values), default=0.0)


def _dots(
    cell: Cell, pick: Callable[[RunResult], float], aside: float, apart: float
) -> list[tuple[float, float, bool]]:
    """k, value and whether it collapsed, of every run of a cell; a collapse without a value is at 0.

    Args:
        aside: factor by which the cell stands beside its k. apart: octaves between two seeds.
    """
    found = []
    for number, (run, verdict) in enumerate(zip(cell.runs, cell.verdicts, strict=True)):
        collapsed, value = verdict in COLLAPSED, pick(run)
        if math.isfinite(value) or collapsed:
            moved = 2 ** (apart * (number - (len(cell.runs) - 1) / 2))
            found.append((cell.variant.scale * aside * moved, value if math.isfinite(value) else 0.0, collapsed))
    return found


def _series(cell: Cell) -> tuple[str, str | None]:
    """Cells on one line: same mode, k given; or a k that the same rule chose, a point of its own."""
    return mode_title(cell.variant), cell.variant.rule


def _series_title(summary: Summary, cell: Cell) -> str:
    mode, rule = _series(cell)
    suffix = ("" if mode == "tied" else f", {mode}") + (f", k chosen by rule {rule}" if rule else "")
    return wrapped(backbone_title(summary.config, cell.backbone) + suffix, 52)


def legend_lines(summary: Summary, backbones: Sequence[str]) -> int:
    """Lines of text in the legend of a quality panel: one or more per backbone, mode and rule, and the cross."""
    titles = {_series_title(summary, cell) for name in backbones for cell in summary.of(name) if cell.variant.plain}
    return 1 + sum(len(title.splitlines()) for title in titles)
