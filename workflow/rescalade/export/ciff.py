"""Common Index File Format: one file, term by term (Lin et al., arXiv 2003.08276; github.com/osirrc/ciff).

A Header, a PostingsList for every term that occurs, a DocRecord for every document, each after its length.
Document numbers inside a list are differences to the one before. Terms are vocabulary numbers as text, in the
order of that text, which PISA's and Lucene's importers expect; weights stand where term frequencies would.

Of the wire format of protocol buffers (https://protobuf.dev/programming-guides/encoding): a field is a varint of
(number << 3 | type), then a varint (type 0), 8 bytes (type 1), or a varint of the length and so many bytes (type 2). A
varint holds seven bits per byte, the lowest first; the top bit says that another follows.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rescalade.compiled import kernel
from rescalade.errors import UserError
from rescalade.retrieval.index import InvertedIndex

VARINT, FIXED64, LENGTH = 0, 1, 2
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
    counts, total = (len(terms), len(index)), int(lengths.sum())
    header: tuple[int | float | str, ...] = (VERSION, *counts, *counts, total, total / max(1, len(index)), description)
    with path.open("wb") as stream:
        stream.write(delimited(b"".join(field(number, value) for number, value in enumerate(header, 1))))
        for term in terms:
            numbers, weights = postings(index, term)
            gaps = np.diff(numbers, prepend=0)
            message = field(1, str(term)) + field(2, len(numbers)) + field(3, int(weights.sum()))
            stream.write(delimited(message + pairs(4, gaps, weights)))
        for number, length in enumerate(lengths.tolist()):
            stream.write(delimited(field(1, number) + field(2, index.ids[number]) + field(3, length)))


def postings(index: InvertedIndex, term: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Document numbers [n], ascending, and whole weights [n] of a term over all blocks."""
    numbers, weights = [], []
    for block, (start, stop) in enumerate(index.offsets[:, term : term + 2].tolist()):
        numbers.append(index.documents[start:stop].astype(np.int64) + int(index.first[block]))
        weights.append(index.weights[start:stop].astype(np.int64))
    return np.concatenate(numbers), np.concatenate(weights)


def varint(value: int) -> bytes:
    """A number of 0 or more."""
    found = bytearray()
    while value >= 0x80:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def field(number: int, value: int | float | str | bytes) -> bytes:
    """One field: whole numbers as varint, float as double, text and bytes with their length."""
    if isinstance(value, int):
        return varint(number << 3 | VARINT) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | FIXED64) + struct.pack("<d", value)
    content = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | LENGTH) + varint(len(content)) + content


def delimited(message: bytes) -> bytes:
    """A message after its length, so that several can follow one another in a file."""
    return varint(len(message)) + message


def pairs(number: int, first: NDArray[np.int64], second: NDArray[np.int64]) -> bytes:
    """Repeated field `number`, below 16, of messages with two varints, fields 1 and 2: [n] and [n], 0 or more."""
    found = np.empty(len(first) * 24, np.uint8)
    return found[: _pairs(number << 3 | LENGTH, first, second, found)].tobytes()


@kernel()
def _pairs(tag: int, first: NDArray[np.int64], second: NDArray[np.int64], out: NDArray[np.uint8]) -> int:
    end = 0
    for item in range(len(first)):
        out[end] = tag
        start = end + 2  # a message of two varints is shorter than 128 bytes: one byte tells its length
        place = start
        for key, value in ((0x08, first[item]), (0x10, second[item])):
            out[place] = key
            place += 1
            while value >= 0x80:
                out[place] = value & 0x7F | 0x80
                value >>= 7
                place += 1
            out[place] = value
            place += 1
        out[end + 1] = place - start
        end = place
    return end
