"""A set of texts in eight bytes each, for streams that are too long for a Python set."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class HashSet:
    """Hashes met so far, sorted; added in parts.

    Two of ten million different texts share a hash with a probability of 3e-6.
    """

    def __init__(self) -> None:
        self._sorted: list[NDArray[np.uint64]] = []

    def __len__(self) -> int:
        return sum(map(len, self._sorted))

    def add(self, hashes: Sequence[int]) -> NDArray[np.bool_]:
        """Add hashes.

        Returns:
            [n] bool, whether each is new; of equal ones in a part only the first is.
        """
        part = np.array(hashes, dtype=np.uint64)
        unique, first = np.unique(part, return_index=True)
        known = self._known(unique)
        new = np.zeros(len(part), dtype=bool)
        new[first[~known]] = True
        self._merge(unique[~known])
        return new

    def contains(self, hashes: Sequence[int]) -> NDArray[np.bool_]:
        """[n] bool, whether each has been added."""
        return self._known(np.array(hashes, dtype=np.uint64))

    def _known(self, part: NDArray[np.uint64]) -> NDArray[np.bool_]:
        known = np.zeros(len(part), dtype=bool)
        for level in self._sorted:
            place = np.searchsorted(level, part)
            known |= level[np.minimum(place, len(level) - 1)] == part
        return known

    def _merge(self, level: NDArray[np.uint64]) -> None:
        """Keep the levels growing by two, so that an item is moved only as often as the logarithm of their number."""
        if not len(level):
            return
        self._sorted.append(level)
        while len(self._sorted) > 1 and len(self._sorted[-2]) < 2 * len(self._sorted[-1]):
            last = self._sorted.pop()
            self._sorted[-1] = np.sort(np.concatenate([self._sorted[-1], last]), kind="stable")
