"""Docstrings of installed packages, from the pairs that the source's stage extracted."""

from __future__ import annotations

from pathlib import Path

from rescalade.data.pydoc_collection import as_collection, facts, select_pairs
from rescalade.data.pydoc_source import read_pairs
from rescalade.data.settings import DatasetConfig, PydocSource
from rescalade.data.streams import Opened
from rescalade.data.writer import as_opened


def open_pydoc(entry: DatasetConfig, source: PydocSource, folder: Path) -> Opened:
    """Pairs of some packages on one side of the split.

    Raises:
        UserError: the pairs are missing or damaged, or nothing is left of them.
    """
    pairs, manifest = read_pairs(folder)
    chosen = select_pairs(
        pairs,
        entry.packages,
        entry.part or "all",
        held_out=source.held_out,
        per_package=entry.per_package,
        limit=entry.limit,
    )
    versions = {name: counts["version"] for name, counts in manifest["packages"].items()}
    opened = as_opened(as_collection(chosen))
    return Opened(opened.documents, opened.queries, opened.judgements, facts(versions, entry.packages))
