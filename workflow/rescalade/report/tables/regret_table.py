"""What each rule for k would have cost, as a table."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rescalade.config.default_rule import DEFAULT_RULE
from rescalade.report.results.numbers import listed, written
from rescalade.report.results.summary import Summary
from rescalade.report.tables.regret import Regrets, in_words, least_worst_case, published_regrets
from rescalade.report.tables.table import Column, Entry, Row, Table, Value, text


def regret_table(regrets: Regrets) -> Table:
    """One row per rule: the k it uses for each backbone, what it loses there, and its worst case."""
    columns = [Column(f"backbone_{place}", title, numeric=False) for place, title in enumerate(regrets.backbones)]
    rows = []
    for rule, found in regrets.by_rule.items():
        cells = {
            column.key: text(in_words(one, _digits(one.lost)), note=one.note)
            for column, one in zip(columns, found, strict=True)
        }
        worst = Value(" / ".join(_digits(regrets.worst(rule))))
        shown = f"{rule} (default)" if rule == DEFAULT_RULE else rule
        rows.append(Row({"rule": text(shown, raw=rule), **cells, "worst": text(worst.text)}))
    return Table(
        name=regrets.name,
        title=regrets.title,
        caption=f"The k that each rule uses, and how far {listed(list(regrets.measures))} there "
        f"{'lies' if len(regrets.measures) == 1 else 'lie'} below those of the backbone's best trained k.",
        columns=[Column("rule", "Rule", numeric=False), *columns, Column("worst", "Worst case", numeric=False)],
        rows=rows,
        notes=_notes(regrets),
    )


def published_table(summary: Summary) -> Table:
    """On the paper's Table 2, the same for every experiment."""
    return regret_table(published_regrets())


def _digits(values: Sequence[float]) -> list[str]:
    return ["?" if math.isnan(value) else written(value) for value in values]


def _notes(regrets: Regrets) -> list[str]:
    """Where numbers come from that the table alone would not tell."""
    remarks: dict[str, list[str]] = {}
    for rule, found in regrets.by_rule.items():
        for title, one in zip(regrets.backbones, found, strict=True):
            if one.note:
                remarks.setdefault(f"{rule}: {one.note}", []).append(title)
    notes = [f"{words} ({listed(titles)})." for words, titles in remarks.items()]
    if regrets.name == "regret":
        notes.append(
            f"Of the rules that are known on all three, {least_worst_case(regrets)} has the least worst case; it is "
            "the default. All three have one width, so that nothing here tells it from one k for all."
        )
    return notes


ENTRIES = (Entry(published_table, order=65),)
