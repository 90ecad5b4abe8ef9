"""Pairs of cells that differ in one thing: what came out of both, and the difference of their quality."""

from __future__ import annotations

from collections.abc import Mapping

from rescalade.config.predictions import CellName
from rescalade.report.results.expectations import outcome_of
from rescalade.report.results.labels import backbone_title, variant_title
from rescalade.report.results.numbers import plural
from rescalade.report.results.paired import PerQuery, differences
from rescalade.report.results.summary import Cell, Summary
from rescalade.report.tables.comparisons import BOOTSTRAP, QUERIES, Against, Comparison, Pair, compared
from rescalade.report.tables.table import Column, Entry, Row, Table, Value, number, text
from rescalade.scoring.significance import LEVEL


def contrast_table(summary: Summary) -> Table:
    """A row per contrast, whether its cells were run or not."""
    cells = {(cell.backbone, cell.variant.name): cell for cell in summary.cells}
    found = _tested(summary, cells)
    return Table(
        name="contrasts",
        title="One difference at a time",
        caption=(
            f"Pairs of cells that differ in one thing, in-domain {summary.in_domain_label}: what came out of both, and "
            "the difference of their means over seeds. Paired sign-flip tests over queries, two-sided, Holm's "
            f"correction over the {plural(len(found), 'contrast')} that can be told; they see no spread over seeds."
        ),
        columns=[
            Column("question", "Question", numeric=False, wide=True),
            Column("of", "Cell", numeric=False, wide=True),
            Column("came_out", "came out", numeric=False),
            Column("against", "Against", numeric=False, wide=True),
            Column("against_came_out", "came out", numeric=False),
            Column("reading", f"At {LEVEL:g}", numeric=False),
            Column("difference", "Difference"),
            Column("low", "from", QUERIES, note=BOOTSTRAP),
            Column("high", "to", QUERIES, note=BOOTSTRAP),
            Column("p_holm", "p, Holm"),
        ],
        rows=[
            Row(
                {
                    "question": text(contrast.question),
                    **_cell(summary, cells, contrast.of, "of", "came_out"),
                    **_cell(summary, cells, contrast.against, "against", "against_came_out"),
                    **(_numbers(found[place]) if place in found else {}),
                },
                kind="" if place in found else "absent",
            )
            for place, contrast in enumerate(summary.config.experiment.contrasts)
        ],
    )


Cells = Mapping[tuple[str, str], Cell]


def _tested(summary: Summary, cells: Cells) -> dict[int, Comparison]:
    """By their place, the contrasts both of whose cells are scored."""
    values = PerQuery(summary)
    places, pairs = [], []
    for place, contrast in enumerate(summary.config.experiment.contrasts):
        both = [cells.get((each.backbone, each.variant)) for each in (contrast.of, contrast.against)]
        first, second = both
        ours, theirs = (None if cell is None else values.of(cell, "in-domain") for cell in both)
        if first is None or second is None or ours is None or theirs is None or not differences(ours, theirs):
            continue
        places.append(place)
        against = Against("contrast", f"{second.backbone}/{second.variant.name}", contrast.question)
        pairs.append(Pair(first, against, "in-domain", ours, theirs))
    return dict(zip(places, compared(summary, pairs), strict=True))


def _cell(summary: Summary, cells: Cells, name: CellName, key: str, outcome: str) -> dict[str, Value]:
    cell = cells.get((name.backbone, name.variant))
    title = backbone_title(summary.config, name.backbone)
    if cell is None:
        return {key: text(f"{title}, {name.variant}", raw=f"{name.backbone}/{name.variant}")}
    words = f"{title}, {variant_title(cell.variant)}"
    return {key: text(words, raw=f"{name.backbone}/{name.variant}"), outcome: text(outcome_of(cell))}


def _numbers(found: Comparison) -> dict[str, Value]:
    return {
        "reading": text(found.reading, strong=found.differs),
        "difference": number(found.difference),
        "low": number(found.interval.low),
        "high": number(found.interval.high),
        "p_holm": number(found.adjusted, "probability"),
    }


ENTRIES = (
    Entry(contrast_table, order=16, explained=5, wanted=lambda summary: bool(summary.config.experiment.contrasts)),
)
