"""Writing vectors one text after another, in parts that engines accept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from rescalade.export.formats import Terms, Weights
from rescalade.vectors.vectors import SparseVectors

PART_BYTES = 64_000_000
"""A part ends with the text that reaches this size: bulk interfaces take 100 MB in one request."""

Line = Callable[[str, Terms, Weights], str]


def lines(shards: Iterable[SparseVectors], line: Line, *, integers: bool) -> Iterator[bytes]:
    """The text of each vector."""
    for shard in shards:
        terms = shard.terms.astype(np.str_)
        weights = shard.weights.astype(np.int64 if integers else np.float32).astype(np.str_)
        for number, name in enumerate(shard.ids):
            part = slice(shard.offsets[number], shard.offsets[number + 1])
            yield line(name, terms[part].tolist(), weights[part].tolist()).encode()


def with_terms(vectors: SparseVectors) -> SparseVectors:
    """The texts that have a term."""
    lengths = np.diff(vectors.offsets)
    kept = lengths > 0
    ids = [name for name, some in zip(vectors.ids, kept.tolist(), strict=True) if some]
    return SparseVectors(ids, np.concatenate([[0], np.cumsum(lengths[kept])]), vectors.terms, vectors.weights)


def write_parts(folder: Path, pattern: str, texts: Iterable[bytes], part_bytes: int = PART_BYTES) -> int:
    """Write texts into files `pattern` with their number, at least one; returns how many files there are."""
    texts, number = iter(texts), 0
    text = next(texts, b"")
    while text or number == 0:
        path, size = folder / pattern.format(number), 0
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as stream:
            while text and size < part_bytes:
                stream.write(text)
                size += len(text)
                text = next(texts, b"")
        number += 1
    return number
