"""Relevance judgements of a collection on disk."""

from __future__ import annotations

from pathlib import Path

from rescalade.errors import UserError
from rescalade.texts.collection import grades, read_table


def read_judgements(folder: Path) -> dict[str, dict[str, int]]:
    """Grades by query and document.

    Raises:
        UserError: the data set has none, or the file is damaged.
    """
    found = grades(read_table(folder, "qrels.parquet"))
    if not found:
        raise UserError(
            f"data set {folder.name} has no judgements (qrels.parquet is empty), which scores and hard negatives need; "
            "name a part of it that has some, or leave it out of the experiment"
        )
    return found
