"""Integer weights for engines that take no others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from rescalade.vectors.vectors import SparseVectors

SCALE = 100
"""Weights rarely exceed 5, so 100 keeps them below 512: nine bits, which is what Lucene keeps of a feature."""


@dataclass
class Rounding:
    """What rounding did: entries kept and lost, and the largest integer."""

    kept: int = 0
    lost: int = 0
    largest: int = 0


@dataclass(frozen=True)
class Quantised:
    """Vectors with weights round(w * scale), as float32 that hold integers; entries that become 0 are left out.

    May be iterated again when `shards` may. `rounding` describes the latest pass.
    """

    shards: Iterable[SparseVectors]
    scale: float = SCALE
    rounding: Rounding = field(default_factory=Rounding)

    def __iter__(self) -> Iterator[SparseVectors]:
        self.rounding.kept = self.rounding.lost = self.rounding.largest = 0
        for shard in self.shards:
            yield self._quantise(shard)

    def _quantise(self, vectors: SparseVectors) -> SparseVectors:
        weights = np.rint(vectors.weights.astype(np.float64) * self.scale)
        kept = weights > 0
        self.rounding.kept += int(kept.sum())
        self.rounding.lost += int((~kept).sum())
        self.rounding.largest = max(self.rounding.largest, int(weights.max(initial=0)))
        offsets = np.concatenate([[0], np.cumsum(kept)])[vectors.offsets]
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
