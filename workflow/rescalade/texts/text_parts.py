"""Where the texts of an encoding come from: a part is read when it is encoded, never all at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from rescalade.texts.collection import check_file, digests, texts_of

Part = tuple[list[str], list[str]]


@dataclass(frozen=True)
class Texts:
    """Texts by number.

    count: how many. digest: of their content. read: (first, stop) -> ids and texts of that range.
    """

    count: int
    digest: str
    read: Callable[[int, int], Part]


def table_texts(table: pa.Table, digest: str = "") -> Texts:
    """Texts of a table in memory with columns id, text and perhaps title."""

    def read(first: int, stop: int) -> Part:
        return _part(table.slice(first, stop - first))

    return Texts(len(table), digest, read)


def folder_texts(folder: Path) -> tuple[Texts, Texts]:
    """Documents and queries of a collection on disk, compared with its manifest.

    Raises:
        UserError: a file is missing or damaged.
    """
    corpus, queries = (_parquet_texts(folder, name) for name in ("corpus.parquet", "queries.parquet"))
    return corpus, queries


def _parquet_texts(folder: Path, name: str) -> Texts:
    path = folder / name
    found = check_file(folder, name, digests(folder))

    def read(first: int, stop: int) -> Part:
        return _part(_rows(path, first, stop))

    return Texts(int(pq.read_metadata(path).num_rows), found, read)


def _rows(path: Path, first: int, stop: int) -> pa.Table:
    """Rows of a Parquet file, of which only the row groups that hold them are read."""
    with pq.ParquetFile(path) as file:
        wanted: list[int] = []
        start = skipped = 0
        for group in range(file.num_row_groups):
            size = file.metadata.row_group(group).num_rows
            if start + size > first and start < stop:
                skipped = start if not wanted else skipped
                wanted.append(group)
            start += size
        return file.read_row_groups(wanted).slice(first - skipped, stop - first)


def _part(table: pa.Table) -> Part:
    return table["id"].to_pylist(), texts_of(table)
