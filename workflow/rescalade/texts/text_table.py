"""Tables of a user in columns separated by tabs, with a header or without."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rescalade.errors import UserError
from rescalade.texts.text_lines import Place, text_lines

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Layout:
    """What a table may look like.

    columns: the columns in their order, of each form that the table may have; no two forms have the same number.
    names: words that a header may have by column, separated by blanks: in lower case, with `_` for blanks and hyphens.
        No word stands for two columns.
    blanks: whether a line without a tab has its columns separated by blanks, as TREC's files have.
    """

    columns: Sequence[Sequence[str]]
    names: Mapping[str, str]
    blanks: bool = False

    def split(self, line: str) -> list[str]:
        """Cells of a line."""
        return line.split() if self.blanks and "\t" not in line else line.split("\t")

    def header(self, cells: Sequence[str]) -> Sequence[str] | None:
        """Columns in the order of a header; None for a line that is none."""
        found = [self._column(cell) for cell in cells]
        whole = any(sorted(form) == sorted(name or "" for name in found) for form in self.columns)
        return [name for name in found if name is not None] if whole else None

    def like_header(self, cells: Sequence[str]) -> bool:
        """Whether the first line of a table, which is no header, has a first cell like one."""
        return self._column(cells[0]) == self.columns[0][0]

    def form(self, count: int) -> Sequence[str] | None:
        """Columns of a line without header, by their number."""
        return next((form for form in self.columns if len(form) == count), None)

    def expected(self) -> str:
        """The forms in words: `2 (id, text) or 3 (id, title, text)`."""
        return " or ".join(f"{len(form)} ({', '.join(form)})" for form in self.columns)

    def _column(self, cell: str) -> str | None:
        word = cell.strip().strip('"').lstrip("#").lower().replace("-", "_").replace(" ", "_")
        return next((column for column, words in self.names.items() if word in words.split()), None)


def table_rows(path: Path, layout: Layout) -> Iterator[tuple[Place, dict[str, str]]]:
    """Place and cells by column of each line that is not blank, but for a header.

    A first line all of whose cells are names of columns is a header, and says their order.

    Raises:
        UserError: a line has another number of columns, or as `text_lines`.
    """
    header: Sequence[str] | None = None
    first = True
    for place, line in text_lines(path):
        cells = layout.split(line)
        if first:
            first, header = False, layout.header(cells)
            if header is not None:
                continue
            if layout.like_header(cells):
                log.warning(
                    "%s: it begins like a header and is read as a row, since not every column is known by name (%s)",
                    place,
                    "; ".join(f"{column}: {', '.join(words.split())}" for column, words in layout.names.items()),
                )
        columns = layout.form(len(cells)) if header is None else header
        if columns is None or len(columns) != len(cells):
            wanted = layout.expected() if header is None else f"{len(header)} as in the header"
            separated = "tabs or blanks" if layout.blanks else "tabs"
            raise UserError(
                f"{place}: {len(cells)} column{'s' * (len(cells) != 1)} found, {wanted} separated by {separated} are "
                f"expected: {line[:40]!r}"
            )
        yield place, dict(zip(columns, cells, strict=True))
