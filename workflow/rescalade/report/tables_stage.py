"""The stage `tables`."""

from __future__ import annotations

from rescalade.pipeline.report_settings import ReportSettings
from rescalade.report.tables.tables import make_tables
from rescalade.stage import Call, Files


def run_tables(settings: ReportSettings, inputs: Files, outputs: Files, call: Call) -> None:
    """Write the experiment's tables as CSV and LaTeX.

    Raises:
        UserError: results were made by other settings than the configuration's, or cannot be read.
    """
    make_tables(settings.config, call.paths)
    call.record(outputs["tables"] / "record.json")
