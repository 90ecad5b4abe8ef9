"""Ids of documents: in two mapped files, so that millions of them take no memory of the process, and all different."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from rescalade.compiled import kernel
from rescalade.errors import UserError
from rescalade.retrieval.arrays import read_only


class MappedNames(Sequence[str]):
    """Names one after another in UTF-8, and where each begins.

    Args:
        text: [bytes] uint8.
        offsets: [N + 1] int64; name i is text[offsets[i]:offsets[i + 1]].
    """

    def __init__(self, text: NDArray[np.uint8], offsets: NDArray[np.int64]) -> None:
        self._text, self._offsets = text, offsets

    def __len__(self) -> int:
        return len(self._offsets) - 1

    @overload
    def __getitem__(self, key: int) -> str: ...
    @overload
    def __getitem__(self, key: slice) -> list[str]: ...

    def __getitem__(self, key: int | slice) -> str | list[str]:
        if isinstance(key, slice):
            return [self[number] for number in range(*key.indices(len(self)))]
        number = key + len(self) if key < 0 else key
        if not 0 <= number < len(self):
            raise IndexError(key)
        return self._text[self._offsets[number] : self._offsets[number + 1]].tobytes().decode()


def pack_names(names: Sequence[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """UTF-8 text of names [bytes] and their lengths [n] in bytes."""
    packed = [name.encode() for name in names]
    return np.frombuffer(b"".join(packed), np.uint8), np.array([len(name) for name in packed], np.int64)


class RepeatedIds:
    """Finds an id that two documents share, in 8 bytes of memory per document.

    Keeps a 64-bit hash of every id; ids with one hash are compared themselves.
    """

    def __init__(self) -> None:
        self._hashes: list[NDArray[np.uint64]] = []

    def add(self, text: NDArray[np.uint8], lengths: NDArray[np.int64]) -> None:
        """Take the ids of some documents: their UTF-8 one after another, and the bytes of each."""
        hashes = np.empty(len(lengths), np.uint64)
        _hash(read_only(text, np.uint8), read_only(lengths, np.int64), hashes)
        self._hashes.append(hashes)

    def check(self, names: Sequence[str]) -> None:
        """Refuse a corpus in which an id stands twice.

        Args:
            names: all ids, in the order in which they were added.

        Raises:
            UserError: the first such id, with the numbers of its documents.
        """
        hashes = np.concatenate([np.zeros(0, np.uint64), *self._hashes])
        self._hashes = [hashes]
        ordered = np.sort(hashes)
        twice = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
        if not len(twice):
            return
        del ordered
        seen: dict[str, int] = {}
        for number in np.flatnonzero(np.isin(hashes, twice)).tolist():
            name = names[number]
            if name in seen:
                raise UserError(
                    f"document id {name!r} occurs more than once (documents {seen[name]} and {number}, counted from "
                    "0); ids must be unique: correct the collection, then encode again"
                )
            seen[name] = number


@kernel(nogil=True)
def _hash(text: NDArray[np.uint8], lengths: NDArray[np.int64], hashes: NDArray[np.uint64]) -> None:
    """FNV-1a of each id. Ids made to collide only cost the time of comparing them."""
    place = 0
    for number in range(len(lengths)):
        value = np.uint64(14695981039346656037)
        for _ in range(lengths[number]):
            value = (value ^ np.uint64(text[place])) * np.uint64(1099511628211)
            place += 1
        hashes[number] = value
