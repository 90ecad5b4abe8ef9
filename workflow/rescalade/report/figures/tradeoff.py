"""Effectiveness against FLOPS as curves: one per model, a point per recipe."""

from __future__ import annotations

import math

from matplotlib.axes import Axes

from rescalade.config import Config
from rescalade.report.figures.charts import legend_above
from rescalade.report.figures.figure_set import FigureSet, Panel
from rescalade.report.figures.style import DASHES, MARKERS, SERIES, plain_log, wrapped
from rescalade.report.results.labels import backbone_title, mode_title, preparation
from rescalade.report.results.summary import Summary
from rescalade.report.tables.tradeoff_table import Point, effectiveness_label, tradeoff_points, without_lambdas
from rescalade.variants import Variant

SIZE = (7.2, 4.6)


def tradeoff_figure(summary: Summary) -> FigureSet:
    """A curve per backbone and variant over the strengths of the regulariser."""
    return FigureSet(
        "tradeoff",
        "Effectiveness against FLOPS",
        f"Effectiveness ({effectiveness_label(summary)}) over FLOPS on a log axis, plain means over the data sets; "
        "a curve per model, a point per recipe. Up and to the left is better.",
        (
            Panel(
                "tradeoff",
                "Curves of effectiveness over FLOPS; values in the table of the same name.",
                lambda axes: _draw(axes, summary),
                SIZE,
            ),
        ),
    )


def _label(config: Config, backbone: str, variant: Variant) -> str:
    mode = mode_title(variant)
    words = [f"k = {variant.scale:g}", *([] if mode == "tied" else [mode]), *preparation(variant)]
    return ", ".join([backbone_title(config, backbone), *words])


def _draw(axes: Axes, summary: Summary) -> None:
    curves: dict[tuple[str, Variant], list[Point]] = {}
    for point in tradeoff_points(summary):
        if point.known:
            curves.setdefault((point.backbone, without_lambdas(point.variant)), []).append(point)
    for place, ((backbone, variant), points) in enumerate(curves.items()):
        axes.plot(
            [point.flops.mean or math.nan for point in points],
            [point.effectiveness.mean or 0.0 for point in points],
            color=SERIES[place % len(SERIES)], linestyle=DASHES[place % len(DASHES)],
            marker=MARKERS[(place + place // len(SERIES)) % len(MARKERS)], markersize=7, linewidth=1.4,
            label=wrapped(_label(summary.config, backbone, variant), 40),
        )  # fmt: skip
    axes.set_xscale("log")
    plain_log(axes.xaxis)
    axes.set_xlabel("FLOPS")
    axes.set_ylabel(effectiveness_label(summary))
    axes.margins(x=0.1, y=0.1)
    legend_above(axes, SIZE[0])
