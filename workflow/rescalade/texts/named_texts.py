"""Queries or documents of a collection on disk, of which only those that are asked for become Python objects."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from rescalade.errors import UserError
from rescalade.texts.collection import BATCH_DOCUMENTS, check_file, digests, document_batches, read_table, texts_of

Rows = NDArray[np.int32]


@dataclass(frozen=True)
class NamedTexts:
    """Texts in the order of their file; a text is known by its row there.

    what: query or document. ids: [N] strings. parts: reads the file anew, part after part. read: texts of a part.
    """

    what: str
    ids: pa.ChunkedArray
    parts: Callable[[], Iterator[pa.RecordBatch]]
    read: Callable[[pa.RecordBatch], list[str]]

    def __len__(self) -> int:
        return len(self.ids)

    def rows(self, *columns: pa.ChunkedArray) -> list[Rows]:
        """Rows of the texts that columns of ids name; -1 where an id is null or not here.

        Raises:
            UserError: one of these ids occurs twice here.
        """
        named = pa.chunked_array([part for column in columns for part in column.cast(pa.string()).chunks], pa.string())
        wanted = pc.unique(named).drop_null()  # a dictionary-encoded copy would hold a dictionary in every chunk
        number = _numbers(pc.index_in(self.ids, value_set=wanted))
        here = number >= 0
        if np.bincount(number[here], minlength=1).max() > 1:
            counts = np.bincount(number[here])
            raise UserError(
                f"{self.what} id {wanted[int(counts.argmax())].as_py()!r} occurs more than once in the collection "
                f"({int((counts - 1).clip(0).sum())} repeated in all); ids must be unique, make the collection again"
            )
        row = np.full(len(wanted) + 1, -1, np.int32)  # the last place is that of null
        row[number[here]] = np.flatnonzero(here)
        found = row[_numbers(pc.index_in(named, value_set=wanted))]
        return np.split(found, np.cumsum([len(column) for column in columns])[:-1])

    def chosen(self, mask: NDArray[np.bool_]) -> Iterator[tuple[NDArray[np.int64], list[str]]]:
        """Rows and texts of those that a mask [N] names, part after part."""
        first = 0
        for part in self.parts():
            inside = np.flatnonzero(mask[first : first + len(part)])
            if len(inside):
                yield first + inside, self.read(part.take(pa.array(inside)))
            first += len(part)

    def marks(self, mask: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.uint64]]:
        """Of the texts that a mask [N] names, whether they are blank [N], and a digest of 128 bits [N, 2]."""
        blank, digest = np.zeros(len(self), bool), np.zeros((len(self), 2), np.uint64)
        for rows, texts in self.chosen(mask):
            blank[rows] = [not text.strip() for text in texts]
            joined = b"".join(hashlib.blake2b(text.encode(), digest_size=16).digest() for text in texts)
            digest[rows] = np.frombuffer(joined, np.uint64).reshape(-1, 2)
        return blank, digest


def query_texts(folder: Path) -> NamedTexts:
    """Queries of a collection's folder.

    Raises:
        UserError: the file is missing or damaged.
    """
    table = read_table(folder, "queries.parquet").select(["id", "text"])
    return NamedTexts(
        "query",
        table["id"],
        lambda: iter(table.to_batches(max_chunksize=BATCH_DOCUMENTS)),
        lambda part: part.column("text").to_pylist(),
    )


def document_texts(folder: Path) -> NamedTexts:
    """Documents of a collection's folder; of all of them only the ids are held.

    Raises:
        UserError: the file is missing or damaged.
    """
    check_file(folder, "corpus.parquet", digests(folder))
    ids = pq.read_table(folder / "corpus.parquet", columns=["id"])["id"]
    return NamedTexts("document", ids, lambda: document_batches(folder), texts_of)


def texts_by_id(texts: NamedTexts, ids: Sequence[str]) -> list[str]:
    """The texts of a few ids, in their order.

    Raises:
        UserError: an id is not there.
    """
    (rows,) = texts.rows(pa.chunked_array([ids], pa.string()))
    if (rows < 0).any():
        strange = ids[int((rows < 0).argmax())]
        raise UserError(f"triples name {texts.what} {strange!r}, which is not in the collection; run `triples` again")
    mask = np.zeros(len(texts), bool)
    mask[rows] = True
    found = {int(row): text for some, part in texts.chosen(mask) for row, text in zip(some, part, strict=True)}
    return [found[int(row)] for row in rows]


def spread(texts: NamedTexts, count: int) -> list[str]:
    """At most `count` texts at equal distances from the first to the last, in their order."""
    mask = np.zeros(len(texts), bool)
    if len(texts):
        mask[np.linspace(0, len(texts) - 1, count).round().astype(np.int64)] = True
    return [text for _, part in texts.chosen(mask) for text in part]


def _numbers(indices: pa.Array | pa.ChunkedArray) -> Rows:
    """Arrow's indices as int32, -1 for null."""
    numbers: Rows = pc.fill_null(indices.cast(pa.int32()), -1).to_numpy()
    return numbers
