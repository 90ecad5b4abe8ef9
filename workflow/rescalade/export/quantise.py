"""Integer weights for engines that take no others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from rescalade.errors import UserError
from rescalade.vectors.vectors import SparseVectors

SCALE = 100
"""Weights rarely exceed 5, so 100 keeps them below 512: nine bits, which is what Lucene keeps of a feature."""

WHOLE = 1 << 24
"""The largest whole number up to which float32 holds every one."""


@dataclass
class Rounding:
    """What rounding did: entries kept and lost, the largest integer, and texts all of whose entries were lost."""

    kept: int = 0
    lost: int = 0
    largest: int = 0
    emptied: int = 0


@dataclass(frozen=True)
class Quantised:
    """Vectors with weights round(w * scale), as float32 that hold integers; entries that become 0 are left out.

    May be iterated again when `shards` may. `rounding` describes the latest pass.

    Raises:
        UserError: on the way, where the scale makes a whole number that float32 does not hold.
    """

    shards: Iterable[SparseVectors]
    scale: float = SCALE
    rounding: Rounding = field(default_factory=Rounding)

    def __iter__(self) -> Iterator[SparseVectors]:
        self.rounding.kept = self.rounding.lost = self.rounding.largest = self.rounding.emptied = 0
        for shard in self.shards:
            yield self._quantise(shard)

    def _quantise(self, vectors: SparseVectors) -> SparseVectors:
        weights = np.rint(vectors.weights.astype(np.float64) * self.scale)
        if (largest := float(weights.max(initial=0))) > WHOLE:
            raise UserError(
                f"scale {self.scale:g} makes a weight of {largest:.3g}; whole numbers are exact up to {WHOLE:,}: "
                "choose a smaller --scale"
            )
        kept = weights > 0
        self.rounding.kept += int(kept.sum())
        self.rounding.lost += int((~kept).sum())
        self.rounding.largest = max(self.rounding.largest, int(weights.max(initial=0)))
        offsets = np.concatenate([[0], np.cumsum(kept)])[vectors.offsets]
        self.rounding.emptied += int(((np.diff(offsets) == 0) & (np.diff(vectors.offsets) > 0)).sum())
        return SparseVectors(vectors.ids, offsets, vectors.terms[kept], weights[kept].astype(np.float32))


def divisor(vectors: SparseVectors, largest: float | None) -> int:
    """The smallest power of two that brings every weight down to `largest`; 1 where there is no limit."""
    found, highest = 1, float(vectors.weights.max(initial=0))
    while largest is not None and highest / found > largest:
        found *= 2
    return found


def divided(vectors: SparseVectors, parts: int) -> SparseVectors:
    """Weights over a power of two: without rounding, so scores are divided alike and no ranking changes."""
    if parts == 1:
        return vectors
    return SparseVectors(vectors.ids, vectors.offsets, vectors.terms, vectors.weights / np.float32(parts))
