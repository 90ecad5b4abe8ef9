"""Quality by what was done to a causal backbone before training: a line per variant, every run a dot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from itertools import accumulate

from matplotlib.axes import Axes

from rescalade.report.figures.charts import crosses, legend_above
from rescalade.report.figures.figure_set import FigureSet, Panel
from rescalade.report.figures.style import CARD, INK, MARKERS, MUTED, PANEL, SERIES, wrapped
from rescalade.report.results.labels import backbone_title, mode_title, preparation, scale_title
from rescalade.report.results.summary import COLLAPSED, Cell, Summary

APART = 0.22
"""Of a row's height, between the dots of two seeds."""
ROW, LINES = 0.36, 2
"""Inches of a variant's row, and lines of its name that fit into one; a longer name has a higher row."""


def preparation_figures(summary: Summary) -> list[FigureSet]:
    """A panel per backbone; none where every variant of the experiment divides a head and does no more."""
    names = [name for name in summary.config.backbones() if any(not cell.variant.plain for cell in summary.of(name))]
    if not names:
        return []
    prepared = any(cell.variant.prepared for cell in summary.cells)
    panels = [
        Panel(
            f"preparation-{number}",
            f"In-domain {summary.in_domain_label} of {backbone_title(summary.config, name)} by variant.",
            partial(preparation_panel, summary=summary, backbone=name),
            (PANEL[0], 1.2 + ROW * sum(_heights(summary.of(name)))),
        )
        for number, name in enumerate(names, 1)
    ]
    return [
        FigureSet(
            "preparation",
            f"Quality by {'what was done before training' if prepared else 'variant'}, in-domain",
            "Each dot is a run of one seed, and a cross marks a run that collapsed (at 0 where it could not be "
            "scored). Dashed: BM25. Dotted: the backbone before any training; dash-dotted: after the adaptation phase "
            "alone.",
            tuple(panels),
        )
    ]


def preparation_panel(axes: Axes, summary: Summary, backbone: str) -> None:
    """In-domain quality of every run of a backbone, one line per variant in the order of the tables."""
    cells, collapsed = summary.of(backbone), False
    heights = _heights(cells)
    places = [end - height / 2 for end, height in zip(accumulate(heights), heights, strict=True)]
    for place, cell in zip(places, cells, strict=True):
        for number, (run, verdict) in enumerate(zip(cell.runs, cell.verdicts, strict=True)):
            value, lost = summary.in_domain(run), verdict in COLLAPSED
            if not math.isfinite(value) and not lost:
                continue
            reached = value if math.isfinite(value) else 0.0
            height = place + APART * (number - (len(cell.runs) - 1) / 2)
            axes.plot([reached], [height], MARKERS[0], color=SERIES[0], markersize=6, markeredgecolor=CARD, zorder=4)
            crosses(axes, [(reached, height)] if lost else [])
            collapsed |= lost
    across = [
        (summary.in_domain_quality(summary.results.bm25), "BM25", (0, (5, 2)), INK),
        (summary.in_domain_quality(summary.untrained(backbone)), "untrained", (0, (1, 3)), MUTED),
        (
            summary.in_domain_quality(summary.untrained(backbone, adapted=True)),
            "adapted alone",
            (0, (3, 1, 1, 1)),
            MUTED,
        ),
    ]
    for value, label, dashes, colour in across:
        if math.isfinite(value):
            axes.axvline(value, color=colour, linewidth=1.1, linestyle=dashes, label=label)
    axes.set_yticks(places, _titles(cells))
    axes.set_ylim(sum(heights) + 0.1, -0.1)
    axes.set_xlim(left=min(0.0, axes.get_xlim()[0]))
    axes.set_xlabel(f"in-domain {summary.in_domain_label}")
    legend_above(axes, PANEL[0], collapsed)


def _titles(cells: Sequence[Cell]) -> list[str]:
    """`k = 1, adapted, echo`; with the mode where there are several; long ones on several lines."""
    several = len({mode_title(cell.variant) for cell in cells}) > 1
    return [
        wrapped(
            ", ".join(
                [
                    scale_title(cell.variant),
                    *([mode_title(cell.variant)] if several else []),
                    *preparation(cell.variant),
                ]
            ),
            26,
        )
        for cell in cells
    ]


def _heights(cells: Sequence[Cell]) -> list[float]:
    """Of each variant's row, in rows of a name that fits."""
    return [max(1.0, len(title.splitlines()) / LINES) for title in _titles(cells)]
