"""Every figure of an experiment: which there are, what they show in words, and their files."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from rescalade.config import Config
from rescalade.paths import Paths
from rescalade.pipeline.graph import output
from rescalade.pipeline.report_settings import ReportSettings
from rescalade.report.figures.adaptation import adaptation_figure
from rescalade.report.figures.audit_plot import audit_plot
from rescalade.report.figures.charts import (
    WIDE,
    norm_chart,
    prediction_chart,
)
from rescalade.report.figures.curves import activity_panel, curve_size, loss_limits, loss_panel
from rescalade.report.figures.figure_set import Draw, FigureSet, Panel, save_figure
from rescalade.report.figures.preparation import preparation_figures
from rescalade.report.figures.quality import quality_figures
from rescalade.report.figures.quantised import quantised_figure
from rescalade.report.figures.step0_map import step0_figure
from rescalade.report.figures.systems import systems_figure
from rescalade.report.figures.tradeoff import tradeoff_figure
from rescalade.report.results.labels import backbone_title
from rescalade.report.results.load import load_results
from rescalade.report.results.step0_map import has_map
from rescalade.report.results.summary import Summary
from rescalade.report.results.systems import has_others
from rescalade.report.tables.tradeoff_table import tradeoff_points
from rescalade.stage import Call, Files


def run_figures(settings: ReportSettings, inputs: Files, outputs: Files, call: Call) -> None:
    """The stage `figures`: the experiment's figures as SVG and PDF.

    Raises:
        UserError: results were made by other settings than the configuration's, or cannot be read.
    """
    make_figures(settings.config, call.paths)
    call.record(outputs["figures"] / "record.json")


def make_figures(config: Config, paths: Paths) -> list[Path]:
    """Write report/EXPERIMENT/figures/NAME.svg and NAME.pdf, all panels of a figure in one file.

    Returns:
        The files, in the order of the page.

    Raises:
        UserError: a results file cannot be read.
    """
    folder = output(paths, "figures", "figures", experiment=config.name)
    summary = Summary(load_results(config, paths))
    audits = [audit_figure(summary, name) for name in config.backbones()]
    return [path for figure_set in [*all_figures(summary), *audits] for path in save_figure(figure_set, folder)]


def all_figures(summary: Summary, backbone: str | None = None) -> list[FigureSet]:
    """Quality by preparation where variants differ in it, quality against k, starts, curves, head norms, step-0 loss.

    In-domain comes first; where the experiment holds explanations apart, the map of starts.

    Args:
        backbone: only the curves of this one.
    """
    if backbone is not None:
        return [*_adaptation(summary), _loss_curves(summary, [backbone]), _activity_curves(summary, [backbone])]
    others = [systems_figure(summary)] if has_others(summary.config) else []
    if not summary.config.experiment.grid:
        return others
    names = summary.config.backbones()
    height = 1.3 + 0.52 * len(names)
    tradeoff = [tradeoff_figure(summary)] if tradeoff_points(summary) else []
    quantised = [quantised_figure(summary)] if summary.config.experiment.quantised else []
    starts = [step0_figure(summary)] if has_map(summary) else []
    explained = bool(summary.config.experiment.explanations)
    return [
        *(starts if explained else []),
        *preparation_figures(summary),
        *quality_figures(summary),
        *others,
        *tradeoff,
        *quantised,
        *_adaptation(summary),
        *([] if explained else starts),
        _loss_curves(summary, names),
        FigureSet(
            "head-norms",
            "Head row norms",
            "Mean L2 norm of the rows of W before division (square) and after division by each k (circles), log axis. "
            "Modes that leave W whole, folded and multiplier, have no circle.",
            (Panel("head-norms", _norms_in_words(summary), lambda axes: norm_chart(axes, summary), (WIDE, height)),),
        ),
        _activity_curves(summary, names),
        FigureSet(
            "prediction",
            "Step-0 loss against final quality",
            "The loss of the very first step, known without training, against what training reached. A point per "
            "backbone and variant; crosses are collapsed cells.",
            (
                Panel(
                    "prediction",
                    f"Scatter plot of step-0 loss, log axis, against in-domain {summary.in_domain_label}; values in "
                    "the table of predictions.",
                    lambda axes: prediction_chart(axes, summary),
                    (WIDE, 4.2 + 0.18 * len(names)),
                ),
            ),
        ),
    ]


def audit_figure(summary: Summary, backbone: str) -> FigureSet:
    """What the audit of a backbone saw over k. A file per backbone, shown on its page."""
    audit = summary.results.audits.get(backbone)
    return audit_plot(audit, f"audit-{backbone}", _title(summary, backbone))


def _adaptation(summary: Summary) -> list[FigureSet]:
    """The adaptation of the backbones whose results were read; nothing where none was adapted."""
    histories = summary.results.adaptations
    titles = {name: _title(summary, name) for name in histories}
    return [adaptation_figure(histories, titles)] if histories else []


def _loss_curves(summary: Summary, names: list[str]) -> FigureSet:
    limits = loss_limits(summary)

    def draw(name: str) -> Draw:
        return partial(loss_panel, summary=summary, backbone=name, limits=limits)

    return FigureSet(
        "loss-curves",
        "Loss curves",
        "Training loss by step on a log axis, the same for all panels. Scales differ in colour, dash and marker; "
        "further seeds are paler. A loss that is not finite leaves a gap and a cross at the top.",
        _curves(summary, names, draw, "loss", "Loss curves of {}."),
    )


def _activity_curves(summary: Summary, names: list[str]) -> FigureSet:
    limits = loss_limits(summary, "active_document")

    def draw(name: str) -> Draw:
        return partial(activity_panel, summary=summary, backbone=name, limits=limits)

    return FigureSet(
        "active-terms",
        "Active document terms",
        "Mean number of terms with a weight above 0 in a training document, by step; log axis, linear below 1. The "
        "dotted lines bound what counts as dead and, however long the texts are, as saturated.",
        _curves(summary, names, draw, "active", "Active document terms of {} over steps."),
    )


def _curves(summary: Summary, names: list[str], draw: Callable[[str], Draw], key: str, words: str) -> tuple[Panel, ...]:
    """A panel per backbone."""
    return tuple(
        Panel(f"{key}-{name}", words.format(_title(summary, name)), draw(name), curve_size(summary, name))
        for name in names
    )


def _norms_in_words(summary: Summary) -> str:
    parts = [
        f"{_title(summary, name)} {summary.results.audits[name].row_norm.mean:.2f}"
        for name in summary.config.backbones()
        if name in summary.results.audits
    ]
    return f"Mean row norms before division: {'; '.join(parts)}." if parts else "No backbone was audited."


def _title(summary: Summary, name: str) -> str:
    return backbone_title(summary.config, name)
