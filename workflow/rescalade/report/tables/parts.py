"""A table cut into parts that each fit across a page, so that no column is out of sight."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from rescalade.report.tables.table import Column, Table, Value

ROOM = 122
"""Characters across a page of 1280 pixels, in a wide typeface."""
PADDING = 3
"""Characters that the space around a column is worth."""
WRAPPED, WIDE, BROAD = 16, 21, 36
"""Characters in a line of words, of a sentence and of several of them."""


def parts(table: Table, room: int = ROOM) -> list[Table]:
    """The table as tables of the same rows, each headed by the first column; one alone where all columns fit.

    Columns stay in order, and those under one heading together where a part has the room.
    """
    head, *rest = table.columns
    free = room - _width(table, head)
    found: list[list[Column]] = [[]]
    for block in _blocks(table, rest, free):
        if found[-1] and _widths(table, [*found[-1], *block]) > free:
            found.append([])
        found[-1] += block
    first, *others = [replace(table, columns=[head, *columns]) for columns in found]
    return [first, *(replace(part, caption=f"{table.title}, continued: {headings(part)}.") for part in others)]


def headings(table: Table) -> str:
    """What its columns but the first are headed by: `Row norm, Loss at step 0, FLOPS`."""
    return ", ".join(dict.fromkeys(column.group or column.header for column in table.columns[1:]))


def _blocks(table: Table, columns: Sequence[Column], free: int) -> Iterator[list[Column]]:
    """Columns that stay together: those under one heading, or each alone where these need more than a part has."""
    for name, members in groupby(columns, key=lambda column: column.group):
        block = list(members)
        yield from [block] if name and _widths(table, block) <= free else [[column] for column in block]


def _widths(table: Table, columns: Sequence[Column]) -> int:
    return sum(_width(table, column) for column in columns)


def _width(table: Table, column: Column) -> int:
    values = [row.values.get(column.key) for row in table.rows]
    longest = max((len(_shown(value)) for value in values if value is not None), default=1)
    if column.wide:
        longest = BROAD if column.broad else WIDE
    elif not column.numeric:
        longest = min(longest, WRAPPED)
    heading = max(map(len, [*column.header.split(), *column.group.split()]), default=1)
    return max(longest, heading) + PADDING


def _shown(value: Value) -> str:
    spread = f" ± {value.sd_text}" if value.sd_text else ""
    return f"{value.text}{value.letters}{spread}{' ' + value.mark if value.mark else ''}"
