"""The tables of an experiment: which there are, where the page shows them, and their files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rescalade.atomic import atomic_file
from rescalade.config import Config
from rescalade.paths import Paths
from rescalade.pipeline.graph import output
from rescalade.published import load_published
from rescalade.report.results.load import load_results
from rescalade.report.results.summary import Summary
from rescalade.report.tables.best_scale import predicted_against_best
from rescalade.report.tables.comparisons import comparison_table
from rescalade.report.tables.datasets import data_table
from rescalade.report.tables.effectiveness import main_table, run_table
from rescalade.report.tables.protocol import protocol_table
from rescalade.report.tables.published_numbers import published_table
from rescalade.report.tables.row_norms import norm_table, prediction_table
from rescalade.report.tables.table import Table
from rescalade.report.tables.tradeoff_table import tradeoff_table

Section = Literal["results", "published", "data"]


def _always(summary: Summary) -> bool:
    return True


@dataclass(frozen=True)
class Entry:
    """A table of an experiment.

    section: of the page. wanted: whether an experiment has it. folded: closed on the page, with these words beside the
    number of its rows; others than the first are closed where they are long.
    """

    make: Callable[[Summary], Table]
    section: Section = "results"
    wanted: Callable[[Summary], bool] = _always
    folded: str = ""


def _published(summary: Summary) -> Table:
    return published_table(summary, load_published(summary.config.experiment.published or ""))


TABLES = (
    Entry(main_table),
    Entry(tradeoff_table, wanted=lambda summary: bool(summary.config.experiment.also)),
    Entry(comparison_table),
    Entry(norm_table),
    Entry(prediction_table),
    Entry(predicted_against_best),
    Entry(run_table, folded="nothing averaged"),
    Entry(_published, "published", lambda summary: summary.config.experiment.published is not None),
    Entry(data_table, "data"),
    Entry(protocol_table, "data"),
)
"""All of them, in the order of the page; each becomes two files as well."""


def tables_of(summary: Summary) -> list[tuple[Entry, Table]]:
    """The tables that the experiment has, made."""
    return [(entry, entry.make(summary)) for entry in TABLES if entry.wanted(summary)]


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
