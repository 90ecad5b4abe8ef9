"""The wire format of protocol buffers, as far as CIFF needs it.

https://protobuf.dev/programming-guides/encoding: a field is a varint of (number << 3 | type), then a varint (type 0),
8 bytes (type 1), or a varint of the length and so many bytes (type 2). A varint holds seven bits per byte, the lowest
first; the top bit says that another follows.
"""

from __future__ import annotations

import struct

import numba
import numpy as np
from numpy.typing import NDArray

VARINT, FIXED64, LENGTH = 0, 1, 2


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


@numba.njit(cache=True)
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
