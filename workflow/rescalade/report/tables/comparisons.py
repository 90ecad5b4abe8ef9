"""Is a variant different from k = 1 of the same backbone? Paired randomisation tests with Holm's correction."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from rescalade.report.results.labels import backbone_title, metric, metrics, variant_title
from rescalade.report.results.load import Results, per_query
from rescalade.report.results.numbers import listed
from rescalade.report.results.summary import Cell, Summary
from rescalade.report.tables.table import Column, Entry, Row, Table, number, text
from rescalade.scoring.significance import PERMUTATIONS, holm, sign_flip_test

LEVEL = 0.05


@dataclass(frozen=True)
class Comparison:
    """A variant against k = 1. difference: mean over queries. p: unadjusted; adjusted: by Holm over the table."""

    cell: Cell
    baseline: Cell
    domain: str
    measure: str
    queries: int
    difference: float
    p: float
    adjusted: float


def comparisons(summary: Summary) -> list[Comparison]:
    """Every variant with results against its baseline, in-domain and out-of-domain."""
    experiment = summary.config.experiment
    domains = [("in-domain", experiment.in_domain), ("out-of-domain", experiment.out_of_domain)]
    found: list[tuple[Cell, Cell, str, str, pd.Series]] = []
    cache: dict[tuple[str, str, str], pd.Series | None] = {}

    def values(cell: Cell, domain: str, datasets: list[str]) -> pd.Series | None:
        key = (cell.backbone, cell.variant.name, domain)
        if key not in cache:
            cache[key] = per_query_means(summary.results, cell, datasets)
        return cache[key]

    for cell in summary.cells:
        baseline = summary.baseline(cell)
        if baseline is None or baseline is cell:
            continue
        for domain, datasets in domains:
            ours, theirs = values(cell, domain, datasets), values(baseline, domain, datasets)
            if ours is not None and theirs is not None:
                names = metrics(summary.config, datasets)
                label = names[0] if len(names) == 1 else f"{listed(names)}, each query by its set's"
                found.append((cell, baseline, domain, label, (ours - theirs).dropna()))
    found = [entry for entry in found if len(entry[4])]
    p_values = [sign_flip_test(entry[4].to_numpy()) for entry in found]
    adjusted = holm(p_values)
    return [
        Comparison(cell, baseline, domain, measure, len(series), float(series.mean()), p, q)
        for (cell, baseline, domain, measure, series), p, q in zip(found, p_values, adjusted, strict=True)
    ]


def per_query_means(results: Results, cell: Cell, datasets: list[str]) -> pd.Series | None:
    """Values per query averaged over seeds, indexed by (data set, query), each set by its own measure.

    None where nothing was scored.

    A value that is not finite counts as 0, the value of a query that nothing was found for.
    """
    series = []
    for run in cell.made:
        for dataset in datasets:
            table, measure = per_query(results, run.run, dataset), metric(results.config, dataset)
            if table is not None and measure in table:
                clean = table[measure].astype(float)
                clean = clean.where(clean.abs() < math.inf, 0.0)
                clean.index = pd.MultiIndex.from_arrays([[dataset] * len(table), table["query_id"].astype(str)])
                series.append(clean)
    if not series:
        return None
    return pd.concat(series).groupby(level=[0, 1]).mean()


def comparison_table(summary: Summary) -> Table:
    """Differences with p, adjusted over all comparisons of the table."""
    found = comparisons(summary)
    rows = []
    for entry in found:
        different = entry.adjusted < LEVEL
        word = ("better" if entry.difference > 0 else "worse") if different else "no difference shown"
        rows.append(
            Row(
                {
                    "variant": text(variant_title(entry.cell.variant), raw=entry.cell.variant.name),
                    "baseline": text(variant_title(entry.baseline.variant), raw=entry.baseline.variant.name),
                    "domain": text(entry.domain),
                    "measure": text(entry.measure),
                    "queries": number(entry.queries, "count"),
                    "difference": number(entry.difference),
                    "p": number(entry.p, "probability"),
                    "p_holm": number(entry.adjusted, "probability"),
                    "reading": text(word, strong=different),
                },
                backbone_title(summary.config, entry.cell.backbone),
                key=entry.cell.backbone,
            )
        )
    return Table(
        name="comparisons",
        title="Each variant against k = 1 of the same backbone",
        caption=(
            f"Paired sign-flip randomisation tests over queries ({PERMUTATIONS:,} seeded permutations), values per "
            "query "
            f"averaged over seeds first. p is two-sided; Holm's correction runs over the {len(found)} comparisons of "
            "this table."
        ),
        columns=[
            Column("variant", "Scale and mode", numeric=False),
            Column("baseline", "Against", numeric=False),
            Column("domain", "Queries of", numeric=False),
            Column("measure", "Measure", numeric=False),
            Column("queries", "Queries"),
            Column("difference", "Difference", note="mean over queries"),
            Column("p", "p"),
            Column("p_holm", "p, Holm"),
            Column("reading", f"At {LEVEL:g}", numeric=False),
        ],
        rows=rows,
        notes=[
            "The test sees the spread over queries, not the spread over seeds: a difference that other seeds would not "
            "repeat can still be significant here."
        ],
    )


ENTRIES = (Entry(comparison_table, order=30),)
