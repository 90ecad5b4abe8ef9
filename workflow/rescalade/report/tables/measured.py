"""The columns of the main table that are measured on data sets, each with where its value comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from rescalade.report.results.labels import metric, metrics
from rescalade.report.results.numbers import Style
from rescalade.report.results.paired import Domain
from rescalade.report.results.summary import ScoresBySet, Summary, Unit, measure, sparsity, unit_measure
from rescalade.report.tables.table import Column
from rescalade.scoring.measures import measure as named
from rescalade.scoring.measures import tabulated

MEAN = "plain mean over the sets, each by its own measure"
DECIDES = "it decides which k is best"


@dataclass(frozen=True)
class Measured:
    """One column.

    value: from the scores of a run or of BM25, say; NaN where it has none. decides: a main measure, bold at the best k.
    quality: the domain whose quality it is.
    """

    column: Column
    value: Callable[[ScoresBySet], float]
    decides: bool = False
    quality: Domain | None = None
    style: Style = "measure"


def measured(summary: Summary, sd: bool = False) -> list[Measured]:
    """In-domain measures set by set, out-of-domain ones side by side, development sets, by which the best k is chosen.

    Then sparsity of the first in-domain set.
    """
    return [
        *_in_domain(summary, sd),
        *_out_of_domain(summary, sd),
        *_development(summary, sd),
        *_sparsity(summary, sd),
    ]


def _in_domain(summary: Summary, sd: bool) -> Iterator[Measured]:
    config, datasets = summary.config, summary.config.experiment.in_domain
    if len(datasets) > 1:
        note = MEAN if summary.chosen_apart else f"{MEAN}; {DECIDES}"
        column = Column("in_domain_mean", summary.in_domain_label, "In-domain", sd=sd, marked=sd, note=note)
        yield Measured(column, summary.in_domain_quality, decides=True, quality="in-domain")
    for dataset in datasets:
        title = f"In-domain: {config.title('dataset', dataset)}"
        for shown in tabulated(config.dataset(dataset)):
            decides = shown.name == metric(config, dataset)
            quality = decides and len(datasets) == 1
            column = Column(f"{dataset}_{shown.name}", shown.short, title, sd=sd, marked=sd and quality)
            value = partial(_of_set, dataset, shown.name)
            yield Measured(column, value, decides, quality="in-domain" if quality else None)


def _development(summary: Summary, sd: bool) -> Iterator[Measured]:
    config, datasets = summary.config, summary.config.experiment.development
    note = DECIDES if len(datasets) == 1 else "the mean of these columns decides which k is best"
    for dataset in datasets:
        name = metric(config, dataset)
        title = f"Development: {config.title('dataset', dataset)}"
        column = Column(f"{dataset}_{name}", name, title, sd=sd, note=note)
        yield Measured(column, partial(_of_set, dataset, name), decides=True)


def _out_of_domain(summary: Summary, sd: bool) -> Iterator[Measured]:
    config, units = summary.config, summary.units
    if not units:
        return
    names = metrics(config, config.experiment.out_of_domain)
    alike = len(names) == 1
    title = f"Out-of-domain, {names[0]}" if alike else "Out-of-domain"
    column = Column(
        "ood_mean",
        "mean" if alike else summary.out_of_domain_label,
        title,
        sd=sd,
        marked=sd,
        note="plain mean over the columns to the right",
    )
    yield Measured(column, summary.out_of_domain_quality, decides=True, quality="out-of-domain")
    for unit in units:
        name = metric(config, unit.dataset)
        header = unit.title if alike else f"{unit.title}, {name}"
        yield Measured(Column(f"ood_{unit.title}", header, title, sd=sd), partial(_of_unit, unit, name))
    for name, asked in _further(summary).items():
        for unit in asked:
            column = Column(f"ood_{unit.title}_{name}", unit.title, f"Out-of-domain, {name}", sd=sd)
            yield Measured(column, partial(_of_unit, unit, name))


def _further(summary: Summary) -> dict[str, list[Unit]]:
    """Measures that out-of-domain sets ask for beside their own, with the columns of the sets that do."""
    found: dict[str, list[Unit]] = {}
    for unit in summary.units:
        for name in dict.fromkeys(named(text).name for text in summary.config.dataset(unit.dataset).measures):
            if name != metric(summary.config, unit.dataset):
                found.setdefault(name, []).append(unit)
    return found


def _sparsity(summary: Summary, sd: bool) -> Iterator[Measured]:
    first = summary.config.experiment.in_domain[0]
    for column in (
        Column("active_query", "query", "Active terms", sd=sd, note="terms of a query with a weight above 0"),
        Column("active_document", "document", "Active terms", sd=sd, note="terms of a document with a weight above 0"),
        Column("flops", "FLOPS", sd=sd, note="expected multiplications per query-document pair"),
    ):
        yield Measured(column, partial(_of_sparsity, first, column.key), style="size")


def _of_set(dataset: str, name: str, scores: ScoresBySet) -> float:
    return measure(scores.get(dataset), name)


def _of_unit(unit: Unit, name: str, scores: ScoresBySet) -> float:
    return unit_measure(scores.get(unit.dataset), unit, name)


def _of_sparsity(dataset: str, key: str, scores: ScoresBySet) -> float:
    return sparsity(scores.get(dataset), key)
