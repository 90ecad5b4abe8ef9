"""A wide table is cut by columns: nothing lost, nothing repeated but the first column, headings kept whole."""

from pathlib import Path

import pytest

from rescalade.report.results.load import load_results
from rescalade.report.results.summary import Summary
from rescalade.report.tables.parts import headings, parts
from rescalade.report.tables.table import Column, Row, Table, Value
from rescalade.report.tables.tables import tables_of
from support.synthetic_fates import mini, ugly
from support.synthetic_results import write_tree


def table(*columns: Column, shown: str = "0.123") -> Table:
    row = Row({column.key: Value(shown) for column in columns})
    return Table("t", "Title", "Caption.", columns, [row], notes=["A note."])


HEAD, LEFT, RIGHT, LAST = Column("a", "A"), Column("b", "B", "Pair"), Column("c", "C", "Pair"), Column("d", "D")


@pytest.mark.parametrize(
    ("room", "expected"),
    [
        (32, ["abcd"]),  # four columns of 5 characters, 3 around each
        (31, ["abc", "ad"]),
        (24, ["abc", "ad"]),
        (23, ["ab", "ac", "ad"]),  # the pair has no room under one heading
        (1, ["ab", "ac", "ad"]),
    ],
)
def test_parts(room: int, expected: list[str]) -> None:
    found = parts(table(HEAD, LEFT, RIGHT, LAST), room)
    assert ["".join(column.key for column in part.columns) for part in found] == expected


def test_a_group_moves_as_one() -> None:
    found = parts(table(HEAD, LAST, LEFT, RIGHT), 31)
    assert ["".join(column.key for column in part.columns) for part in found] == ["ad", "abc"]
    assert [part.caption for part in found] == ["Caption.", "Title, continued: Pair."]
    assert headings(found[0]) == "D"


def test_every_column_of_every_table_once(tmp_path: Path) -> None:
    config = mini()
    summary = Summary(load_results(config, write_tree(tmp_path, config, ugly, queries=24, steps=20)))
    for _, whole in tables_of(summary):
        found = parts(whole)
        assert [column for part in found for column in part.columns[1:]] == list(whole.columns[1:]), whole.name
        assert {part.columns[0] for part in found} == {whole.columns[0]}
