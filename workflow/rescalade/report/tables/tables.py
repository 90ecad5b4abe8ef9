"""Writes every table of an experiment as CSV and LaTeX."""

from __future__ import annotations

from pathlib import Path

from rescalade.atomic import atomic_file
from rescalade.config import Config
from rescalade.paths import Paths
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


def make_tables(config: Config, paths: Paths) -> list[Path]:
    """Write report/EXPERIMENT/tables/NAME.csv and NAME.tex.

    Returns:
        The files, in the order of the page.

    Raises:
        UserError: a results file cannot be read.
    """
    folder = paths.experiment(config.name) / "tables"
    written = []
    for table in all_tables(Summary(load_results(config, paths))):
        for suffix, content in ((".csv", table.to_csv()), (".tex", table.to_latex())):
            target = folder / f"{table.name}{suffix}"
            with atomic_file(target) as temporary:
                temporary.write_text(content, encoding="utf-8")
            written.append(target)
    return written


def all_tables(summary: Summary) -> list[Table]:
    """Runs, means, norms, predictions, comparisons, data, protocol; if asked for, tradeoff and published numbers."""
    tables = [
        main_table(summary),
        run_table(summary),
        norm_table(summary),
        prediction_table(summary),
        predicted_against_best(summary),
        comparison_table(summary),
        data_table(summary),
        protocol_table(summary),
    ]
    if summary.config.experiment.also:
        tables.append(tradeoff_table(summary))
    if summary.config.experiment.published:
        tables.append(published_table(summary, load_published(summary.config.experiment.published)))
    return tables
