"""Reads the Common Index File Format (Lin et al., arXiv 2003.08276), whoever wrote it; plain or gzipped.

A Header, a PostingsList for every term, a DocRecord for every document, each a protocol buffer after its length. Of the
wire format of protocol buffers (https://protobuf.dev/programming-guides/encoding): a field is a varint of
(number << 3 | type), then a varint (type 0), 8 bytes (type 1), or a varint of the length and so many bytes (type 2). A
field of value 0 may be left out.
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rescalade.errors import UserError

VARINT, FIXED64, LENGTH = 0, 1, 2
POSTING = 4 << 3 | LENGTH
"""Tag of a posting in a PostingsList: document gap and weight, fields 1 and 2, varints."""
PostingsList = tuple[str, NDArray[np.int64], NDArray[np.int64]]
"""A term, the numbers of its documents, ascending, and its weights, whole numbers."""


def ciff_lists(path: Path) -> tuple[list[PostingsList], list[str]]:
    """Postings of every term, and the documents' names by number.

    Raises:
        UserError: the file is missing, no CIFF, cut short, or contradicts itself.
    """
    try:
        raw = path.read_bytes()
        data = memoryview(gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw)
        return _parse(data)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from None
    except (IndexError, ValueError, KeyError, OverflowError, EOFError, zlib.error) as error:
        raise UserError(f"{path}: no whole CIFF file ({' '.join(str(error).split())}); export it again") from None


def _parse(data: memoryview) -> tuple[list[PostingsList], list[str]]:
    header, place = _message(data, 0)
    counts = {number: value for number, value in _fields(header) if isinstance(value, int)}
    if counts.get(1) != 1:
        raise ValueError(f"version {counts.get(1)} found, 1 is expected")
    terms, documents = counts.get(2, 0), counts.get(3, 0)
    if terms + documents > len(data):  # each takes a byte and more
        raise ValueError(f"{terms} terms and {documents} documents are said, which {len(data)} bytes cannot hold")
    lists: dict[str, PostingsList] = {}
    for _ in range(terms):
        message, place = _message(data, place)
        found = _postings_list(message, documents)
        if found[0] in lists:
            raise ValueError(f"term {found[0]!r} stands twice")
        lists[found[0]] = found
    names = [""] * documents
    for number in range(documents):
        message, place = _message(data, place)
        values = dict(_fields(message))
        name = _text(values[2])
        if not name:
            raise ValueError(f"document {number} has no name")
        if names[int(values.get(1, 0))]:
            raise ValueError(f"document number {values.get(1, 0)} stands twice")
        names[int(values.get(1, 0))] = name
    return list(lists.values()), names


def _postings_list(message: memoryview, documents: int) -> PostingsList:
    """Its fields before the postings one by one, the postings all at once; they are of numbers below `documents`."""
    place, term, count = 0, "", 0
    while place < len(message):
        tag, after = _varint(message, place)
        if tag == POSTING:
            break
        value, place = _value(message, tag, after)
        if tag >> 3 == 1:
            term = _text(value)
        elif tag >> 3 == 2:
            count = int(value)
    gaps, weights = _pairs(message[place:])
    if len(gaps) != count:
        raise ValueError(f"term {term!r} has {len(gaps)} postings, {count} are said")
    if count and (gaps[0] < 0 or (gaps[1:] < 1).any()):
        raise ValueError(f"documents of term {term!r} do not ascend")
    numbers = np.cumsum(gaps)
    if count and numbers[-1] >= documents:
        raise ValueError(f"term {term!r} is in document number {numbers[-1]}, of {documents}")
    return term, numbers, weights


def _pairs(data: memoryview) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Gaps and weights of postings; a field of value 0 is left out: the gap of document 0, or a weight."""
    whole = _whole_pairs(data)
    if whole is not None:
        return whole
    # most often it is the first posting alone
    end = 2 + int(data[1])
    rest = _whole_pairs(data[end:])
    single = _single_pairs(data[:end] if rest is not None else data)
    gaps, weights = np.array(single, np.int64).reshape(-1, 2).T
    return (gaps, weights) if rest is None else (np.concatenate([gaps, rest[0]]), np.concatenate([weights, rest[1]]))


def _whole_pairs(data: memoryview) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
    """Of postings that have both fields: all bytes are varints, of each tag, length, 8, gap, 16, weight."""
    if not len(data):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    numbers = _varints(np.frombuffer(data, np.uint8))
    if len(numbers) % 6:
        return None
    fields = numbers.reshape(-1, 6)
    return (fields[:, 3], fields[:, 5]) if (fields[:, [0, 2, 4]] == (POSTING, 1 << 3, 2 << 3)).all() else None


def _single_pairs(data: memoryview) -> list[tuple[int, int]]:
    """The same one by one, whatever is left out."""
    found = []
    for number, posting in _fields(data):
        if number << 3 | LENGTH != POSTING or isinstance(posting, int):
            raise ValueError(f"field {number} found among postings")
        values = {key: value for key, value in _fields(posting) if isinstance(value, int)}
        found.append((values.get(1, 0), values.get(2, 0)))
    return found


def _varints(data: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Numbers [n] of a sequence of varints: seven bits per byte, the lowest first; the top bit says there are more."""
    ends = np.flatnonzero(data < 0x80)
    if not len(ends) or ends[-1] != len(data) - 1:
        raise ValueError("a number is cut short")
    starts = np.concatenate([[0], ends[:-1] + 1])
    found, lengths = np.zeros(len(ends), np.int64), ends - starts + 1
    for place in range(int(lengths.max())):
        has = lengths > place
        found[has] |= (data[starts[has] + place].astype(np.int64) & 0x7F) << (7 * place)
    return found


def _message(data: memoryview, place: int) -> tuple[memoryview, int]:
    size, start = _varint(data, place)
    if start + size > len(data):
        raise ValueError(f"cut short at byte {start}")
    return data[start : start + size], start + size


def _fields(message: memoryview) -> list[tuple[int, int | memoryview]]:
    found: list[tuple[int, int | memoryview]] = []
    place = 0
    while place < len(message):
        tag, after = _varint(message, place)
        value, place = _value(message, tag, after)
        found.append((tag >> 3, value))
    return found


def _text(value: int | memoryview) -> str:
    if isinstance(value, int):
        raise ValueError("a number found where a text is expected")
    return bytes(value).decode()


def _value(data: memoryview, tag: int, place: int) -> tuple[int | memoryview, int]:
    if tag & 7 == VARINT:
        return _varint(data, place)
    if tag & 7 == FIXED64:
        return data[place : place + 8], place + 8
    if tag & 7 == LENGTH:
        return _message(data, place)
    raise ValueError(f"a field of type {tag & 7}, which CIFF has not")


def _varint(data: memoryview, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7
