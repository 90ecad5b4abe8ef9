"""A table as Markdown, which reads on a terminal too."""

from __future__ import annotations

from rescalade.report.results.numbers import MISSING
from rescalade.report.tables.table import Table, Value


def markdown(table: Table, sections: str = "") -> str:
    """Title, caption, rows with columns of one width, and notes; without what the page shows on hover.

    Args:
        sections: head of a first column that says under which heading a row stands; then the heads of other columns
            name their group too.
    """
    lines = [[column.header for column in table.columns]]
    lines += [[row.values.get(column.key, Value(MISSING)).text for column in table.columns] for row in table.rows]
    if sections:
        lines[0] = [", ".join(part for part in (column.group, column.header) if part) for column in table.columns]
        first = [sections, *(row.section for row in table.rows)]
        lines = [[name, *line] for name, line in zip(first, lines, strict=True)]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    body = ["| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in lines]
    body.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join([f"{table.title}. {table.caption}", "", *body, "", *(f"* {note}" for note in table.notes)])
