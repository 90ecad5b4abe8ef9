"""Is a variant different from k = 1, from BM25, from what it should be level with? Paired tests and intervals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

from rescalade.report.results.labels import backbone_title, quality_words, variant_title
from rescalade.report.results.numbers import plural
from rescalade.report.results.paired import (
    Domain,
    PerColumn,
    PerQuery,
    averaged,
    differences,
    macro_mean,
    seed_arrays,
)
from rescalade.report.results.summary import Cell, Summary
from rescalade.report.tables.table import Column, Columns, Entry, Row, Table, Value, number, text, values_of
from rescalade.scoring.intervals import Interval, hierarchical_interval, stratified_intervals
from rescalade.scoring.significance import LEVEL, difference_and_level, holm, permutations_for

MARGIN = 0.01
"""Worse by less than this is level: no choice between two retrievers of the field turns on less."""
BM25 = "bm25"


@dataclass(frozen=True)
class Against:
    """What a cell is held against. key: `k1`, `bm25`, `twin` or `small-norm`; label: in CSV; title: as shown."""

    key: str
    label: str
    title: str


@dataclass(frozen=True)
class Comparison:
    """A cell against something else, in the plain mean over the columns of a domain.

    queries, columns: that both have. interval: over queries, by the stratified bootstrap. seeded: over seeds and
    queries. p: two-sided; adjusted: by Holm over all comparisons. p_level: one-sided, of being worse by `MARGIN` or
    more; level: the same by Holm over all comparisons.
    """

    cell: Cell
    against: Against
    domain: Domain
    measure: str
    queries: int
    columns: int
    difference: float
    interval: Interval
    seeded: Interval
    p: float
    adjusted: float
    p_level: float
    level: float

    @property
    def differs(self) -> bool:
        """Whether the two-sided test shows a difference."""
        return self.adjusted < LEVEL

    @property
    def reading(self) -> str:
        """What the two tests say together."""
        level = self.level < LEVEL
        if self.differs:
            within = f", by less than {MARGIN:g}" if level and self.difference < 0 else ""
            return ("better" if self.difference > 0 else "worse") + within
        return f"level, not worse by {MARGIN:g}" if level else "no difference shown"


@dataclass(frozen=True)
class Pair:
    """Values per query of a cell and of what it is held against, by the columns of a domain."""

    cell: Cell
    against: Against
    domain: Domain
    ours: PerColumn
    theirs: PerColumn


@lru_cache(maxsize=2)
def comparisons(summary: Summary) -> tuple[Comparison, ...]:
    """Every scored cell against k = 1 of its backbone and BM25; a large head's best against the small ones too."""
    return compared(summary, list(_pairs(summary)))


def compared(summary: Summary, pairs: list[Pair]) -> tuple[Comparison, ...]:
    """Each pair that has columns in common, tested; Holm's correction runs over all of them."""
    config = summary.config
    words = {"in-domain": config.experiment.in_domain, "out-of-domain": config.experiment.out_of_domain}
    apart = [differences(pair.ours, pair.theirs) for pair in pairs]
    pairs, apart = [pair for pair, found in zip(pairs, apart, strict=True) if found], [one for one in apart if one]
    permutations = permutations_for(len(pairs))
    tested = difference_and_level(apart, MARGIN, permutations)
    p_values, level = [p for p, _ in tested], [p for _, p in tested]
    return tuple(
        Comparison(
            cell=pair.cell,
            against=pair.against,
            domain=pair.domain,
            measure=quality_words(config, words[pair.domain]),
            queries=sum(part.size for part in found.values()),
            columns=len(found),
            difference=macro_mean(found),
            interval=interval,
            seeded=_over_seeds(pair),
            p=p,
            adjusted=adjusted,
            p_level=p_level,
            level=level_adjusted,
        )
        for pair, found, interval, p, adjusted, p_level, level_adjusted in zip(
            pairs, apart, stratified_intervals(apart), p_values, holm(p_values), level, holm(level), strict=True
        )
    )


def _pairs(summary: Summary) -> Iterator[Pair]:
    """What is compared, in the order of the table, as far as both sides are scored."""
    values = PerQuery(summary)
    small = [cell for name in _with_head(summary, "small") if (cell := summary.cell(name, 1.0)) is not None]
    for cell in summary.cells:
        for domain in get_args(Domain):
            ours, baseline = values.of(cell, domain), summary.baseline(cell)
            if ours is None:
                continue
            others: list[tuple[Against, PerColumn | None]] = []
            if baseline is not None and baseline is not cell:
                against = Against("k1", baseline.variant.name, variant_title(baseline.variant))
                others.append((against, values.of(baseline, domain)))
            others.append((Against(BM25, BM25, "BM25"), values.bm25(domain)))
            if cell is summary.best(cell.backbone) and cell.backbone in _with_head(summary, "large"):
                others += _small_heads(summary, cell, values, domain, small)
            for against, theirs in others:
                if theirs is not None:
                    yield Pair(cell, against, domain, ours, theirs)


def _small_heads(
    summary: Summary, cell: Cell, values: PerQuery, domain: Domain, small: list[Cell]
) -> Iterator[tuple[Against, PerColumn | None]]:
    """The best k of the twin, and the small heads at k = 1 as one."""
    twin = summary.config.backbone(cell.backbone).twin
    best = None if twin is None else summary.best(twin)
    if twin is not None and best is not None:
        title = f"{backbone_title(summary.config, twin)}, {variant_title(best.variant)}"
        yield Against("twin", f"{twin}/{best.variant.name}", title), values.of(best, domain)
    found = [one for head in small if (one := values.of(head, domain)) is not None]
    if found:
        title = f"mean of {plural(len(found), 'small-norm head')} at k = 1"
        yield Against("small-norm", "small-norm/k1", title), averaged(found)


def _with_head(summary: Summary, head: str) -> list[str]:
    return [name for name in summary.config.backbones() if summary.config.backbone(name).head == head]


def _over_seeds(pair: Pair) -> Interval:
    ours, theirs = seed_arrays(pair.ours, pair.theirs)
    if pair.against.key == BM25:
        return hierarchical_interval(ours, {name: values[0] for name, values in theirs.items()})
    return hierarchical_interval(ours, theirs)


def significant(summary: Summary) -> dict[tuple[str, str, Domain], list[str]]:
    """By backbone, variant and domain: which of k = 1 (`k1`) and BM25 (`bm25`) the quality differs from."""
    found: dict[tuple[str, str, Domain], list[str]] = {}
    for entry in comparisons(summary):
        if entry.differs and entry.against.key in ("k1", BM25):
            key = (entry.cell.backbone, entry.cell.variant.name, entry.domain)
            found.setdefault(key, []).append(entry.against.key)
    return found


QUERIES, SEEDS, DIFFERENT, LEVELS = "95 %, queries", "95 %, seeds and queries", "Different", "Level"
BOOTSTRAP = "stratified bootstrap: the queries of each set are drawn again"
COLUMNS: Columns[[Comparison]] = {
    Column("variant", "Scale and mode", numeric=False): lambda one: text(
        variant_title(one.cell.variant), raw=one.cell.variant.name
    ),
    Column("baseline", "Against", numeric=False): lambda one: text(one.against.title, raw=one.against.label),
    Column("domain", "Queries of", numeric=False): lambda one: text(one.domain),
    Column("reading", f"At {LEVEL:g}", numeric=False): lambda one: text(one.reading, strong=one.differs),
    Column("measure", "Measure", numeric=False): lambda one: text(one.measure),
    Column("columns", "Sets", note="data sets or groups that the difference is the plain mean over"): lambda one: (
        number(one.columns, "count")
    ),
    Column("queries", "Queries"): lambda one: number(one.queries, "count"),
    Column("difference", "Difference", note="plain mean over sets"): lambda one: number(one.difference),
    Column("low", "from", QUERIES, note=BOOTSTRAP): lambda one: number(one.interval.low),
    Column("high", "to", QUERIES, note=BOOTSTRAP): lambda one: number(one.interval.high),
    Column("seeds_low", "from", SEEDS, note="both random, Satterthwaite's t"): lambda one: _end(one.seeded, "low"),
    Column("seeds_high", "to", SEEDS, note="both random, Satterthwaite's t"): lambda one: _end(one.seeded, "high"),
    Column("p", "p", DIFFERENT): lambda one: number(one.p, "probability"),
    Column("p_holm", "p, Holm", DIFFERENT): lambda one: number(one.adjusted, "probability"),
    Column("p_level", "p", LEVELS, note=f"of being worse by {MARGIN:g} or more"): lambda one: number(
        one.p_level, "probability"
    ),
    Column("p_level_holm", "p, Holm", LEVELS): lambda one: number(one.level, "probability"),
}


def comparison_table(summary: Summary) -> Table:
    """Differences with intervals and p, adjusted over all comparisons of the table."""
    found = comparisons(summary)
    return Table(
        name="comparisons",
        title="Each variant against k = 1, BM25 and small-norm heads",
        caption=(
            "Differences of the quality that the main table shows: the plain mean over data sets (or groups, where "
            "those are its columns), so each query counts 1 / (sets x queries of its set), averaged over seeds first. "
            f"Paired sign-flip randomisation tests over queries, two-sided, {permutations_for(len(found)):,} seeded "
            f"permutations; Holm's correction runs over the {len(found)} comparisons of this table. Level: a one-sided "
            f"test of being worse by {MARGIN:g} or more, Holm over as many again."
        ),
        columns=list(COLUMNS),
        rows=[
            Row(values_of(COLUMNS, one), backbone_title(summary.config, one.cell.backbone), key=one.cell.backbone)
            for one in found
        ],
        notes=[
            "The tests see the spread over queries, not that over seeds: a difference that other seeds would not "
            "repeat can still be significant here. The interval over seeds and queries sees both; with one seed the "
            "spread is not known and no interval stands there. The best k of a large head, which is held against "
            f"small-norm heads, was {summary.choice_words}.",
        ],
    )


def _end(interval: Interval, end: Literal["low", "high"]) -> Value:
    if not interval.seeds:
        return number(None, note="a single seed: the spread over seeds is not known")
    return number(interval.low if end == "low" else interval.high)


ENTRIES = (Entry(comparison_table, order=30),)
