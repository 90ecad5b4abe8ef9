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
        UserError: the file is missing, no CIFF, or cut short.
    """
    try:
        raw = path.read_bytes()
        data = memoryview(gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw)
        return _parse(data)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from None
    except (IndexError, ValueError, KeyError, EOFError, zlib.error) as error:
        raise UserError(f"{path}: no whole CIFF file ({' '.join(str(error).split())}); export it again") from None


def _parse(data: memoryview) -> tuple[list[PostingsList], list[str]]:
    header, place = _message(data, 0)
    counts = {number: value for number, value in _fields(header) if isinstance(value, int)}
    if counts.get(1) != 1:
        raise ValueError(f"version {counts.get(1)} found, 1 is expected")
    lists: list[PostingsList] = []
    for _ in range(counts.get(2, 0)):
        message, place = _message(data, place)
        lists.append(_postings_list(message))
    names = [""] * counts.get(3, 0)
    for number in range(len(names)):
        message, place = _message(data, place)
        values = dict(_fields(message))
        names[int(values.get(1, 0))] = bytes(values[2]).decode()
        if not names[int(values.get(1, 0))]:
            raise ValueError(f"document {number} has no name")
    return lists, names


def _postings_list(message: memoryview) -> PostingsList:
    """Its fields before the postings one by one, the postings all at once."""
    place, term, count = 0, "", 0
    while place < len(message):
        tag, after = _varint(message, place)
        if tag == POSTING:
            break
        value, place = _value(message, tag, after)
        if tag >> 3 == 1:
            term = bytes(value).decode()
        elif tag >> 3 == 2:
            count = int(value)
    gaps, weights = _pairs(message[place:])
    if len(gaps) != count:
        raise ValueError(f"term {term!r} has {len(gaps)} postings, {count} are said")
    return term, np.cumsum(gaps), weights


def _pairs(data: memoryview) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Gaps and weights of postings. All bytes are varints; a posting is tag, length, 8, gap, 16, weight."""
    if not len(data):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    numbers = _varints(np.frombuffer(data, np.uint8))
    whole = numbers.reshape(-1, 6) if len(numbers) % 6 == 0 else None
    if whole is not None and (whole[:, [0, 2, 4]] == (POSTING, 1 << 3, 2 << 3)).all():
        return whole[:, 3], whole[:, 5]
    # the gap of the first document, or a weight, is 0 and left out: only a first posting may have that gap
    size = 2 + int(data[1])
    values = dict(_fields(data[2:size]))
    gaps, weights = _pairs(data[size:])
    first, weight = (np.array([values.get(key, 0)], np.int64) for key in (1, 2))
    return np.concatenate([first, gaps]), np.concatenate([weight, weights])


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
