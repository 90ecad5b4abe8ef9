"""A user's own texts, to be encoded: a file of texts with ids."""

from __future__ import annotations

import logging
from pathlib import Path

import pyarrow as pa

from rescalade.atomic import sha256
from rescalade.errors import UserError
from rescalade.texts.collection import CORPUS
from rescalade.texts.named_rows import named_rows
from rescalade.texts.run_ids import unfit
from rescalade.texts.text_parts import Texts, table_texts

log = logging.getLogger(__name__)


def read_texts(path: Path, *, for_run: bool = False) -> Texts:
    """Texts of a file; a text may be empty, an id may not and stands once.

    Args:
        for_run: whether the ids go into a run file, which cannot hold all.

    Raises:
        UserError: the file is missing or not in one of the formats of `named_rows`, or an id is unfit; the line is
            named.
    """
    rows, seen = [], dict[str, int]()
    for row in named_rows(path):
        if row.id in seen:
            raise UserError(f"{row.place}: id {row.id!r} stands in line {seen[row.id]} already; ids must be unique")
        if for_run and (mistake := unfit(row.id)) is not None:
            raise UserError(f"{row.place}: id {row.id!r} {mistake}; rename it")
        seen[row.id] = row.place.line
        rows.append({"id": row.id, "title": row.title, "text": row.text})
    if not rows:
        log.warning("%s: no text is in it", path)
    return table_texts(pa.Table.from_pylist(rows, schema=CORPUS), sha256(path))


def no_texts() -> Texts:
    """The empty side of an encoding of documents or queries alone."""
    return table_texts(CORPUS.empty_table(), "none")
