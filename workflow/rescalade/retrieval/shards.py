"""The encoded corpus as an iterable of shards, one in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rescalade.encoding.vectors import SparseVectors, read_vectors


@dataclass(frozen=True)
class VectorShards:
    """Shards of a folder in the order of its manifest; iterating reads them again each time."""

    folder: Path
    names: list[str]

    def __iter__(self) -> Iterator[SparseVectors]:
        for name in self.names:
            yield read_vectors(self.folder / name)

    def __len__(self) -> int:
        return len(self.names)
