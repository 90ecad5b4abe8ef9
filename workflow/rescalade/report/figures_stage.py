"""The stage `figures`."""

from __future__ import annotations

from rescalade.pipeline.report_settings import ReportSettings
from rescalade.report.figures.figures import make_figures
from rescalade.stage import Call, Files


def run_figures(settings: ReportSettings, inputs: Files, outputs: Files, call: Call) -> None:
    """Draw the experiment's figures as SVG and PDF.

    Raises:
        UserError: results were made by other settings than the configuration's, or cannot be read.
    """
    make_figures(settings.config, call.paths)
    call.record(outputs["figures"] / "record.json")
