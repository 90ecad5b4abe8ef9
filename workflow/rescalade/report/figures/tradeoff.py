"""Effectiveness against FLOPS as curves: one per model, a point per recipe."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial

from matplotlib.axes import Axes

from rescalade.config import Config
from rescalade.report.figures.charts import legend_above
from rescalade.report.figures.figure_set import FigureSet, Panel
from rescalade.report.figures.style import DASHES, MARKERS, SERIES, legend_columns, plain_log, wrapped
from rescalade.report.results.labels import backbone_title, mode_title, preparation
from rescalade.report.results.summary import Summary
from rescalade.report.tables.tradeoff_table import Point, effectiveness_label, tradeoff_points, without_lambdas
from rescalade.variants import Variant

SIZE = (7.2, 4.6)
APART = 20
"""Most curves that are told apart in the legend; of more, the backbones are."""
WIDTH = 40
"""Letters of a line of the legend."""
LEGEND_LINE, FITS = 0.17, 10
"""Inches of a line of the legend, and lines that the size has room for."""
Key = tuple[str, Variant]
Curves = dict[Key, list[Point]]
Look = Key | str
"""What a colour and marker stand for: a curve, or a backbone."""


def tradeoff_figure(summary: Summary) -> FigureSet:
    """A curve per backbone and variant over the strengths of the regulariser."""
    curves = _curves(summary)
    labels = _labels(summary.config, curves)
    alike = "" if len(labels) == len(curves) else f" The {len(curves)} curves are told apart by backbone alone."
    return FigureSet(
        "tradeoff",
        "Effectiveness against FLOPS",
        f"Effectiveness ({effectiveness_label(summary)}) over FLOPS on a log axis, plain means over the data sets; "
        f"a curve per model, a point per recipe.{alike} Up and to the left is better.",
        (
            Panel(
                "tradeoff",
                "Curves of effectiveness over FLOPS; values in the table of the same name.",
                partial(_draw, label=effectiveness_label(summary), curves=curves, labels=labels),
                _size(list(labels.values())),
            ),
        ),
    )


def _curves(summary: Summary) -> Curves:
    curves: Curves = {}
    for point in tradeoff_points(summary):
        if point.known:
            curves.setdefault((point.backbone, without_lambdas(point.variant)), []).append(point)
    return curves


def _labels(config: Config, curves: Curves) -> dict[Look, str]:
    """What the legend says: of every curve, or of every backbone where there are too many of them."""
    if len(curves) > APART:
        return {backbone: wrapped(backbone_title(config, backbone), WIDTH) for backbone, _ in curves}
    return {key: wrapped(_label(config, *key), WIDTH) for key in curves}


def _label(config: Config, backbone: str, variant: Variant) -> str:
    mode = mode_title(variant)
    words = [f"k = {variant.scale:g}", *([] if mode == "tied" else [mode]), *preparation(variant)]
    return ", ".join([backbone_title(config, backbone), *words])


def _size(labels: Sequence[str]) -> tuple[float, float]:
    """Inches, with room for a long legend above."""
    lines = sum(len(label.splitlines()) for label in labels) / legend_columns(labels, SIZE[0])
    return SIZE[0], SIZE[1] + LEGEND_LINE * max(0, math.ceil(lines) - FITS)


def _draw(axes: Axes, label: str, curves: Curves, labels: Mapping[Look, str]) -> None:
    places, named = {look: place for place, look in enumerate(labels)}, set()
    for key, points in curves.items():
        look: Look = key if key in labels else key[0]
        place = places[look]
        axes.plot(
            [point.flops.mean or math.nan for point in points],
            [point.effectiveness.mean or 0.0 for point in points],
            color=SERIES[place % len(SERIES)], linestyle=DASHES[place % len(DASHES)],
            marker=MARKERS[(place + place // len(SERIES)) % len(MARKERS)], markersize=7, linewidth=1.4,
            label="" if look in named else labels[look],
        )  # fmt: skip
        named.add(look)
    axes.set_xscale("log")
    plain_log(axes.xaxis)
    axes.set_xlabel("FLOPS")
    axes.set_ylabel(label)
    axes.margins(x=0.1, y=0.1)
    legend_above(axes, SIZE[0])
