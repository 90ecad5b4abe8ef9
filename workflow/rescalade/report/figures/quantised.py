"""Effectiveness against queries per second: a point per model and quantisation."""

from __future__ import annotations

from matplotlib.axes import Axes

from rescalade.quantisation import QUANTISATIONS, quantisation_title
from rescalade.report.figures.charts import legend_above
from rescalade.report.figures.figure_set import FigureSet, Panel
from rescalade.report.figures.style import MARKERS, SERIES, plain_log, wrapped
from rescalade.report.results.labels import backbone_title, variant_title
from rescalade.report.results.quantised import QuantisedCell, quantised_cells
from rescalade.report.results.summary import Summary

SIZE = (7.2, 4.6)


def quantised_figure(summary: Summary) -> FigureSet:
    """A colour per model, a marker per quantisation; the faster of plain and compiled."""
    return FigureSet(
        "quantised",
        "Effectiveness against speed, by quantisation",
        f"In-domain {summary.in_domain_label} over queries per second, one at a time, on a log axis; compiled by "
        "torch.compile where that was measured and is faster. Up and to the right is better.",
        (
            Panel(
                "quantised",
                "Points of effectiveness over queries per second; values in the table of the same name.",
                lambda axes: _draw(axes, summary),
                SIZE,
            ),
        ),
    )


def fastest(cell: QuantisedCell) -> float | None:
    """Queries per second, plain or compiled."""
    rates = [cell.speed("queries_per_second", compiled) for compiled in (False, True)]
    return max((rate for rate in rates if rate is not None), default=None)


def _draw(axes: Axes, summary: Summary) -> None:
    models = list(dict.fromkeys((cell.backbone, cell.variant) for cell in quantised_cells(summary)))
    for cell in quantised_cells(summary):
        rate, place = fastest(cell), models.index((cell.backbone, cell.variant))
        if rate is None or cell.quality.mean is None:
            continue
        name = f"{backbone_title(summary.config, cell.backbone)}, {variant_title(cell.variant)}"
        axes.plot(
            [rate], [cell.quality.mean],
            color=SERIES[place % len(SERIES)], marker=MARKERS[QUANTISATIONS.index(cell.quantise) % len(MARKERS)],
            linestyle="none", markersize=8,
            label=wrapped(f"{name if len(models) > 1 else ''} {quantisation_title(cell.quantise)}".strip(), 40),
        )  # fmt: skip
    axes.set_xscale("log")
    plain_log(axes.xaxis)
    axes.set_xlabel("queries per second, one at a time")
    axes.set_ylabel(summary.in_domain_label)
    axes.margins(x=0.15, y=0.15)
    legend_above(axes, SIZE[0])
