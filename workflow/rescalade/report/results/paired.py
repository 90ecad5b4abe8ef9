"""Values per query of cells and of BM25, by the columns that quality is the mean of: what tests and intervals take."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rescalade.config import Run
from rescalade.report.results.labels import metric
from rescalade.report.results.load import per_query
from rescalade.report.results.summary import Cell, Summary, Unit

Domain = Literal["in-domain", "out-of-domain"]
PerColumn = Mapping[str, pd.DataFrame]
"""By column: values, a row per seed (of BM25, one) and a column per query."""


class PerQuery:
    """Per-query values of an experiment, each file read once.

    A column is a data set, or a group of one where the table has groups as columns; its values are by its set's own
    measure. Queries without a group are in no column of such a set, as in the table. A value that is not finite
    counts as 0, the value of a query that nothing was found for.
    """

    def __init__(self, summary: Summary) -> None:
        self._summary = summary
        self._read: dict[tuple[str, str], pd.DataFrame | None] = {}

    def units(self, domain: Domain) -> list[Unit]:
        """The columns that the quality of a domain is the plain mean of."""
        if domain == "out-of-domain":
            return list(self._summary.units)
        config = self._summary.config
        return [Unit(name, None, config.title("dataset", name)) for name in config.experiment.in_domain]

    def of(self, cell: Cell, domain: Domain) -> PerColumn | None:
        """Values of a cell per seed; None where no seed has every column.

        A seed that lacks a column is left out, as it is from the table's mean.
        """
        return self._stacked([run.run for run in cell.made], self.units(domain))

    def on(self, cell: Cell, datasets: Sequence[str], measure: str) -> PerColumn | None:
        """Values of a cell per seed in one measure on some data sets; None where no seed has every one."""
        units = [Unit(name, None, name) for name in datasets]
        return self._stacked([run.run for run in cell.made], units, measure)

    def bm25(self, domain: Domain) -> PerColumn | None:
        """Values of BM25; None where a column is missing."""
        return self._stacked(["bm25"], self.units(domain))

    def _stacked(
        self, runs: Sequence[Run | str], units: Sequence[Unit], measure: str | None = None
    ) -> PerColumn | None:
        tables = [[self._unit(run, unit, measure) for unit in units] for run in runs]
        whole = [found for row in tables if len(found := [part for part in row if part is not None]) == len(units)]
        if not units or not whole:
            return None
        return {
            column_name(unit): pd.concat([row[place] for row in whole], axis=1, join="inner", ignore_index=True).T
            for place, unit in enumerate(units)
        }

    def _unit(self, run: Run | str, unit: Unit, measure: str | None) -> pd.Series | None:
        key = (run if isinstance(run, str) else run.folder, unit.dataset)
        if key not in self._read:
            self._read[key] = per_query(self._summary.results, run, unit.dataset)
        table = self._read[key]
        measure = measure or metric(self._summary.config, unit.dataset)
        if table is None or measure not in table:
            return None
        if unit.group is not None:
            table = table[table["group"] == unit.group]
        values = table[measure].astype(float)
        values = values.where(values.abs() < math.inf, 0.0)
        values.index = pd.Index(table["query_id"].astype(str))
        return values if len(values) else None


def column_name(unit: Unit) -> str:
    """`scifact`; `pydoc-ood: numpy` of a group."""
    return unit.dataset if unit.group is None else f"{unit.dataset}: {unit.group}"


def seed_arrays(
    ours: PerColumn, theirs: PerColumn
) -> tuple[dict[str, NDArray[np.float64]], dict[str, NDArray[np.float64]]]:
    """Both as arrays [seeds, queries] by column, over the queries that both have, in the same order."""
    first, second = dict[str, NDArray[np.float64]](), dict[str, NDArray[np.float64]]()
    for name, table in ours.items():
        common = table.columns.intersection(theirs[name].columns, sort=False)
        if len(common):
            first[name], second[name] = table[common].to_numpy(float), theirs[name][common].to_numpy(float)
    return first, second


def differences(ours: PerColumn, theirs: PerColumn) -> dict[str, NDArray[np.float64]]:
    """By column, [queries] value of ours minus that of theirs, each averaged over its seeds first."""
    first, second = seed_arrays(ours, theirs)
    return {name: first[name].mean(0) - second[name].mean(0) for name in first}


def macro_mean(values: Mapping[str, NDArray[np.float64]]) -> float:
    """Plain mean over columns of the mean over their queries, as a table shows it; NaN of nothing."""
    return math.fsum(float(part.mean()) for part in values.values()) / len(values) if values else math.nan


def averaged(cells: Iterable[PerColumn]) -> PerColumn | None:
    """A group of cells as one system: per query the mean over the cells.

    A row per seed where all have as many, the mean over the cells' first seeds and so on; else a single row, each cell
    averaged over its seeds first.
    """
    known = list(cells)
    seeds = {len(table) for cell in known for table in cell.values()}
    if len(seeds) != 1:
        known = [{name: table.mean(axis=0).to_frame().T for name, table in cell.items()} for cell in known]
    return {name: _mean([cell[name] for cell in known]) for name in known[0]} if known else None


def _mean(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Of tables with as many rows each, over the columns that all have."""
    common = reduce(lambda kept, columns: kept.intersection(columns, sort=False), (table.columns for table in tables))
    total = np.sum([table[common].to_numpy(float) for table in tables], axis=0)
    return pd.DataFrame(total / len(tables), columns=common)
