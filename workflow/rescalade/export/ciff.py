"""Common Index File Format: one file, term by term (Lin et al., arXiv 2003.08276; github.com/osirrc/ciff).

A Header, a PostingsList for every term that occurs, a DocRecord for every document, each after its length.
Document numbers inside a list are differences to the one before. Terms are vocabulary numbers as text, in the
order of that text, which PISA's and Lucene's importers expect; weights stand where term frequencies would.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from rescalade.errors import UserError
from rescalade.export.protobuf import delimited, field, pairs
from rescalade.retrieval.index import InvertedIndex

VERSION = 1


def write_ciff(path: Path, index: InvertedIndex, description: str) -> None:
    """Write an index whose weights are whole numbers.

    Memory: the postings of one term at a time, and 8 bytes per document.

    Raises:
        UserError: there are more documents than the format's 32 bits can number.
    """
    if len(index) >= 2**31:
        raise UserError(f"CIFF numbers at most {2**31 - 1:,} documents, found {len(index):,}; export another format")
    lengths = np.zeros(len(index), np.int64)
    for block, offsets in enumerate(index.offsets):
        part, first = slice(offsets[0], offsets[-1]), int(index.first[block])
        size = int(index.first[block + 1]) - first
        sums = np.bincount(index.documents[part], weights=index.weights[part], minlength=size)
        lengths[first : first + size] = sums.astype(np.int64)
    occurring = np.flatnonzero((index.offsets[:, 1:] > index.offsets[:, :-1]).any(axis=0))
    terms = sorted(occurring.tolist(), key=str)
    total = int(lengths.sum())
    with path.open("wb") as stream:
        stream.write(
            delimited(
                field(1, VERSION)
                + field(2, len(terms))
                + field(3, len(index))
                + field(4, len(terms))
                + field(5, len(index))
                + field(6, total)
                + field(7, total / max(1, len(index)))
                + field(8, description)
            )
        )
        for term in terms:
            numbers, weights = postings(index, term)
            gaps = np.diff(numbers, prepend=0)
            message = field(1, str(term)) + field(2, len(numbers)) + field(3, int(weights.sum()))
            stream.write(delimited(message + pairs(4, gaps, weights)))
        _write_documents(stream, index, lengths)


def postings(index: InvertedIndex, term: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Document numbers [n], ascending, and whole weights [n] of a term over all blocks."""
    parts = list(_slices(index, term))
    numbers = [index.documents[part].astype(np.int64) + first for first, part in parts]
    weights = [index.weights[part].astype(np.int64) for _, part in parts]
    return np.concatenate(numbers), np.concatenate(weights)


def _slices(index: InvertedIndex, term: int) -> Iterator[tuple[int, slice]]:
    for block, (start, stop) in enumerate(index.offsets[:, term : term + 2].tolist()):
        yield int(index.first[block]), slice(start, stop)


def _write_documents(stream: BinaryIO, index: InvertedIndex, lengths: NDArray[np.int64]) -> None:
    for number, length in enumerate(lengths.tolist()):
        stream.write(delimited(field(1, number) + field(2, index.ids[number]) + field(3, length)))
