"""Relevance judgements of a collection on disk."""

from __future__ import annotations

from pathlib import Path

from rescalade.errors import UserError
from rescalade.texts.collection import read_table

BATCH_ROWS = 65_536


def read_judgements(folder: Path) -> dict[str, dict[str, int]]:
    """Grades by query and document.

    Raises:
        UserError: the data set has none, or the file is damaged.
    """
    found: dict[str, dict[str, int]] = {}
    for batch in read_table(folder, "qrels.parquet").to_batches(BATCH_ROWS):
        columns = (batch.column(name).to_pylist() for name in ("query_id", "document_id", "grade"))
        for query, document, grade in zip(*columns, strict=True):
            found.setdefault(query, {})[document] = grade
    if not found:
        raise UserError(
            f"data set {folder.name} has no judgements (qrels.parquet is empty), which scores and hard negatives need; "
            "name a part of it that has some, or leave it out of the experiment"
        )
    return found
