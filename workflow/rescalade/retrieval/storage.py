"""An index on disk: written block by block, mapped into memory when searched.

Raw little-endian arrays beside a header (rescalade.retrieval.header). Call `write_index` inside
rescalade.atomic.atomic_folder, so that an index is whole or not there.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rescalade.errors import UserError
from rescalade.retrieval.arrays import read_only
from rescalade.retrieval.block import BLOCK_POSTINGS, Block, blocks
from rescalade.retrieval.document_ids import MappedNames, RepeatedIds, pack_names
from rescalade.retrieval.header import FILES, FORMAT, Header, read_header, write_header
from rescalade.retrieval.index import InvertedIndex
from rescalade.vectors.vectors import SparseVectors

MEMORY_MB = 256
NAME_FILES = ("names", "name_offsets")
POSTING_BYTES = 14
"""Memory of the builder per posting of a block: term, weight and number as they come and go."""


def block_postings(memory_mb: int) -> int:
    """Postings per block that keep the builder within `memory_mb` megabytes beside one shard and the interpreter."""
    return max(1, min(BLOCK_POSTINGS, memory_mb * 1_000_000 // POSTING_BYTES))


def write_index(
    folder: Path,
    shards: Iterable[SparseVectors],
    vocabulary: int,
    *,
    model: str = "",
    vectors: str = "",
    memory_mb: int = MEMORY_MB,
) -> Header:
    """Invert shards into an existing, empty folder.

    Memory is bounded by the larger of `memory_mb` and one document, plus one shard as it is read; with the corpus
    grow only 8 bytes per document, which find ids that stand twice.

    Args:
        model, vectors: digests that a search compares with those of its queries.

    Raises:
        UserError: a weight, a term or an id that stands twice is refused, naming the document; or the disk is full.
    """
    with _Writer(folder, vocabulary) as writer:
        for block in blocks(shards, vocabulary, block_postings(memory_mb)):
            writer.add(block)
            del block  # before the next one is made
        writer.end()
    writer.check_ids()
    header = writer.header(model, vectors)
    write_header(folder, header)
    return header


def load_index(folder: Path) -> InvertedIndex:
    """Map an index into memory.

    Raises:
        UserError: the header is missing or damaged, or a file does not have its size.
    """
    header = read_header(folder)
    arrays = {name: _mapped(folder, name, header.bytes[name]) for name in FILES}
    return InvertedIndex(
        MappedNames(*(arrays.pop(name) for name in NAME_FILES)),
        arrays["first"],
        arrays["offsets"].reshape(header.blocks, header.vocabulary + 1),
        arrays["documents"],
        arrays["weights"],
        arrays["maxima"].reshape(header.blocks, header.vocabulary),
        arrays["frequencies"],
        header.model,
    )


def _mapped(folder: Path, name: str, size: int) -> NDArray[Any]:
    """A file of `size` bytes as an array."""
    kind = FILES[name]
    if size == 0:  # which cannot be mapped
        return read_only(np.zeros(0, kind), kind)
    return read_only(np.memmap(folder / f"{name}.bin", np.dtype(kind).newbyteorder("<"), "r"), kind)


class _Writer:
    """Appends blocks to the files and keeps their checksums."""

    def __init__(self, folder: Path, vocabulary: int) -> None:
        self._folder, self._vocabulary = folder, vocabulary
        self._bytes, self._crc = dict.fromkeys(FILES, 0), dict.fromkeys(FILES, 0)
        self._documents = self._postings = self._blocks = self._text = 0
        self._frequencies = np.zeros(vocabulary, np.int64)
        self._ids = RepeatedIds()
        self._open = ExitStack()

    def __enter__(self) -> _Writer:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._files = {name: self._open.enter_context((self._folder / f"{name}.bin").open("wb")) for name in FILES}
        self._append("first", np.zeros(1, np.int64))
        self._append("name_offsets", np.zeros(1, np.int64))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._open.close()
        except OSError as failure:  # what was buffered did not fit
            if error is None:
                raise self._failed(failure) from None

    def add(self, block: Block) -> None:
        """Write one block."""
        text, lengths = pack_names(block.ids)
        self._ids.add(text, lengths)
        self._append("names", text)
        self._append("name_offsets", np.cumsum(lengths) + self._text)
        self._append("offsets", block.offsets + self._postings)
        self._append("documents", block.documents)
        self._append("weights", block.weights)
        self._append("maxima", block.maxima())
        self._frequencies += np.diff(block.offsets)
        self._text += len(text)
        self._documents += len(block.ids)
        self._postings += len(block.documents)
        self._blocks += 1
        self._append("first", np.array([self._documents], np.int64))

    def end(self) -> None:
        """Write what is known only after the last block."""
        self._append("frequencies", self._frequencies)

    def check_ids(self) -> None:
        """Refuse an id that stands twice; to be called after the files are closed."""
        self._ids.check(MappedNames(*(_mapped(self._folder, name, self._bytes[name]) for name in NAME_FILES)))

    def header(self, model: str, vectors: str) -> Header:
        """The header of the index that was written."""
        counts = self._vocabulary, self._documents, self._postings, self._blocks
        return Header(FORMAT, *counts, model, vectors, self._bytes, self._crc)

    def _append(self, name: str, array: NDArray[Any]) -> None:
        data = np.ascontiguousarray(array if sys.byteorder == "little" else array.byteswap()).view(np.uint8).data
        try:
            self._files[name].write(data)
        except OSError as failure:
            raise self._failed(failure) from None
        self._bytes[name] += data.nbytes
        self._crc[name] = zlib.crc32(data, self._crc[name])

    def _failed(self, failure: OSError) -> UserError:
        return UserError(
            f"{self._folder}: the index cannot be written after {self._documents:,} documents and "
            f"{sum(self._bytes.values()) / 1e6:,.0f} MB ({failure.strerror}); free space and run again"
        )
