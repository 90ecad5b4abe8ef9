"""The tables of an experiment: which there are, where the page shows them, and their files."""

from __future__ import annotations

import math
import pkgutil
from importlib import import_module
from pathlib import Path

from rescalade.atomic import atomic_file
from rescalade.config import Config
from rescalade.paths import Paths
from rescalade.pipeline.graph import output
from rescalade.pipeline.report_settings import ReportSettings
from rescalade.report import tables
from rescalade.report.results.load import load_results
from rescalade.report.results.summary import Summary
from rescalade.report.tables.table import Entry, Table
from rescalade.stage import Call, Files


def entries() -> list[Entry]:
    """ENTRIES of every module of this folder, in the order of the page; each becomes two files as well."""
    modules = [import_module(found.name) for found in pkgutil.iter_modules(tables.__path__, f"{tables.__name__}.")]
    return sorted((entry for module in modules for entry in getattr(module, "ENTRIES", ())), key=lambda one: one.order)


def tables_of(summary: Summary) -> list[tuple[Entry, Table]]:
    """The tables that the experiment has, made, in the order of its page."""
    trained, found = bool(summary.config.experiment.grid), entries()
    if summary.config.experiment.explanations:
        found.sort(key=lambda one: math.inf if one.explained is None else one.explained)
    return [(entry, entry.make(summary)) for entry in found if (trained or entry.untrained) and entry.wanted(summary)]


def run_tables(settings: ReportSettings, inputs: Files, outputs: Files, call: Call) -> None:
    """The stage `tables`: the experiment's tables as CSV and LaTeX.

    Raises:
        UserError: results were made by other settings than the configuration's, or cannot be read.
    """
    make_tables(settings.config, call.paths)
    call.record(outputs["tables"] / "record.json")


def make_tables(config: Config, paths: Paths) -> list[Path]:
    """Write report/EXPERIMENT/tables/NAME.csv and NAME.tex.

    Returns:
        The files, in the order of the page.

    Raises:
        UserError: a results file cannot be read.
    """
    folder = output(paths, "tables", "tables", experiment=config.name)
    written = []
    for _, table in tables_of(Summary(load_results(config, paths))):
        for suffix, content in ((".csv", table.to_csv()), (".tex", table.to_latex())):
            target = folder / f"{table.name}{suffix}"
            with atomic_file(target) as temporary:
                temporary.write_text(content, encoding="utf-8")
            written.append(target)
    return written
