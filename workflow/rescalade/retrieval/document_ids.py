"""Ids of documents in two mapped files, so that millions of them take no memory of the process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray


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


def pack_names(names: Sequence[str]) -> tuple[bytes, NDArray[np.int64]]:
    """UTF-8 text of names and their lengths [n] in bytes."""
    packed = [name.encode() for name in names]
    return b"".join(packed), np.array([len(name) for name in packed], np.int64)
