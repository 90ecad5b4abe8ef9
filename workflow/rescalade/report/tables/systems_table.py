"""Systems side by side on every data set: effectiveness, sparsity, cost, and whether they differ from BM25."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from rescalade.report.results.labels import metric
from rescalade.report.results.numbers import Spread, plural, signed
from rescalade.report.results.summary import Summary
from rescalade.report.results.systems import BM25, ORIGINS, System, has_others, systems
from rescalade.report.tables.table import Column, Entry, Row, Table, Value, number, spread, text
from rescalade.scoring.measures import USUAL
from rescalade.scoring.scores import Scores
from rescalade.scoring.significance import LEVEL, holm, macro_sign_flip_tests, permutations_for

OVER_SETS = "Mean over the data sets"
NOT_RUN = "not run"


@dataclass(frozen=True)
class Held:
    """A system held against another on a data set, or over all: difference of the main measure, p, p after Holm."""

    difference: float
    p: float
    adjusted: float


def systems_table(summary: Summary, against: str = BM25) -> Table:
    """A block of rows per data set, and one of means where there are several.

    Args:
        against: key of the system that the others are tested against.
    """
    config, found = summary.config, systems(summary)
    held = compared(summary, against)
    sets = config.test_sets()
    rows = [
        _row(summary, system, dataset, held.get((system.key, dataset)), system.key == against)
        for dataset in sets
        for system in found
    ]
    if len(sets) > 1:
        rows += [_mean_row(summary, system, sets, held.get((system.key, ""))) for system in found]
    reference = next((system.title for system in found if system.key == against), against)
    names = _measures(summary)
    return Table(
        name="systems",
        title="Systems side by side",
        caption=(
            f"Every system on every data set, by the data set's main measure and the usual ones. Difference: of the "
            f"main measure, from {reference}; p: paired sign-flip randomisation test over queries, two-sided, Holm's "
            f"correction over the {plural(len(held), 'comparison')} of this table. Bold: p below {LEVEL:g}."
        ),
        columns=[
            Column("system", "System", numeric=False),
            Column("origin", "Made", numeric=False),
            *(Column(name, name.replace("Recall", "R"), "Effectiveness", sd=True) for name in names),
            Column("difference", "difference", f"Against {reference}", note="of the main measure"),
            Column("p_holm", "p, Holm", f"Against {reference}"),
            Column("active_query", "query", "Active terms", note="terms of a query with a weight above 0"),
            Column("active_document", "document", "Active terms", note="terms of a document with a weight above 0"),
            Column("flops", "FLOPS", note="expected multiplications per query-document pair"),
            Column("index_mb", "Index, MB"),
            Column("queries_per_second", "Queries/s", note="of search, by CPU time of one thread, without encoding"),
        ],
        rows=rows,
        notes=[
            "Models that were there already are encoded as they are: their own pooling, activation, prompts and "
            "lengths. What they were trained on is not known here; a set that they saw favours them.",
        ],
    )


def _measures(summary: Summary) -> list[str]:
    own = [metric(summary.config, name) for name in summary.config.test_sets()]
    known = {
        name for system in systems(summary) for found in system.scores for one in found.values() for name in one.metrics
    }
    return [name for name in dict.fromkeys([*own, *USUAL]) if name in known or name in own]


@lru_cache(maxsize=4)
def compared(summary: Summary, against: str = BM25) -> Mapping[tuple[str, str], Held]:
    """By system and data set, "" for all together: each system held against one, Holm over all of them."""
    found = systems(summary)
    reference = next((system for system in found if system.key == against), None)
    if reference is None:
        return {}
    sets = summary.config.test_sets()
    keys: list[tuple[str, str]] = []
    apart: list[dict[str, NDArray[np.float64]]] = []
    for system in found:
        if system is reference:
            continue
        by_set = {name: part for name in sets if (part := _apart(summary, system, reference, name)) is not None}
        for name, part in by_set.items():
            keys.append((system.key, name))
            apart.append({name: part})
        if len(by_set) == len(sets) > 1:
            keys.append((system.key, ""))
            apart.append(by_set)
    p_values = macro_sign_flip_tests(apart, permutations=permutations_for(len(apart))) if apart else []
    return {
        key: Held(math.fsum(float(part.mean()) for part in parts.values()) / len(parts), p, adjusted)
        for key, parts, p, adjusted in zip(keys, apart, p_values, holm(p_values), strict=True)
    }


def _apart(summary: Summary, ours: System, theirs: System, dataset: str) -> NDArray[np.float64] | None:
    """[queries] ours minus theirs in the data set's main measure, of the queries that both have."""
    name = metric(summary.config, dataset)
    first, second = (system.per_query(summary.results, dataset, name) for system in (ours, theirs))
    if first is None or second is None:
        return None
    common = first.index.intersection(second.index, sort=False)
    return None if common.empty else first[common].to_numpy(float) - second[common].to_numpy(float)


def _row(summary: Summary, system: System, dataset: str, held: Held | None, reference: bool) -> Row:
    title, section = text(system.title, raw=system.key), summary.config.title("dataset", dataset)
    if not system.measured_on(dataset):
        return Row({"system": title, "origin": text(NOT_RUN)}, section, "absent", dataset)
    scores = [found[dataset] for found in system.scores if dataset in found]
    values = {"system": title, "origin": text(ORIGINS[system.origin]), **_held(held)}
    values |= {name: spread(system.spread(dataset, name)) for name in _measures(summary)}
    values |= {key: spread(Spread.of(map(value, scores)), "size") for key, value in COSTS.items()}
    return Row(values, section, "baseline" if system.origin == "baseline" or reference else "", dataset)


def _mean_row(summary: Summary, system: System, sets: Sequence[str], held: Held | None) -> Row:
    values = {"system": text(system.title, raw=system.key), "origin": text(ORIGINS[system.origin]), **_held(held)}
    if not all(system.measured_on(name) for name in sets):
        values["origin"] = text(f"{sum(map(system.measured_on, sets))} of {len(sets)} sets run")
        return Row(values, OVER_SETS, "absent", "mean")
    for measure in _measures(summary):
        values[measure] = number(_mean([system.spread(name, measure).mean for name in sets]))
    for key, value in COSTS.items():
        each = [Spread.of(map(value, [found[name] for found in system.scores if name in found])).mean for name in sets]
        values[key] = number(_mean(each), "size")
    return Row(values, OVER_SETS, "baseline" if system.origin == "baseline" else "", "mean")


def _held(held: Held | None) -> dict[str, Value]:
    if held is None:
        return {}
    strong = held.adjusted < LEVEL
    return {
        "difference": Value(signed(held.difference), held.difference, strong=strong),
        "p_holm": number(held.adjusted, "probability"),
    }


def _mean(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known and len(known) == len(values) else math.nan


def _sparsity(key: str) -> Callable[[Scores], float]:
    return lambda scores: math.nan if scores.sparsity is None else float(getattr(scores.sparsity, key))


COSTS: Mapping[str, Callable[[Scores], float]] = {
    "active_query": _sparsity("active_query"),
    "active_document": _sparsity("active_document"),
    "flops": _sparsity("flops"),
    "index_mb": lambda scores: math.nan if scores.timings is None else scores.timings.index_bytes / 1e6,
    "queries_per_second": lambda scores: math.nan if scores.timings is None else scores.timings.queries_per_second,
}
"""Columns of sparsity and cost, and where they are in the scores of a run."""

ENTRIES = (Entry(systems_table, order=12, wanted=lambda summary: has_others(summary.config), untrained=True),)
