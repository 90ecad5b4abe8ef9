"""The stages `report` and `page`."""

from __future__ import annotations

from rescalade.pipeline.report_settings import ReportSettings
from rescalade.report.pages.page import INDEX, make_pages
from rescalade.stage import Call, Files


def run_page(settings: ReportSettings, inputs: Files, outputs: Files, call: Call) -> None:
    """Write the experiment's page, or that of one backbone, which keeps no record.

    Raises:
        UserError: results were made by other settings than the configuration's, or cannot be read.
    """
    make_pages(settings.config, call.paths, [call.names.get("backbone", INDEX)])
    if "record" in outputs:
        call.record(outputs["record"])
