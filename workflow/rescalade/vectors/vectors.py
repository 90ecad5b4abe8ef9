"""Encoded texts: the names that other parts of the library use. docs/vectors.md describes the files."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rescalade.vectors.file_names import MANIFEST, QUERIES, shard_name
from rescalade.vectors.files import read_vectors, write_vectors
from rescalade.vectors.manifest import CorpusShards, model_digest, read_manifest
from rescalade.vectors.reader import SparseVectors

__all__ = [
    "MANIFEST",
    "QUERIES",
    "CorpusShards",
    "SparseVectors",
    "concatenate",
    "model_digest",
    "read_manifest",
    "read_vectors",
    "rows",
    "shard_name",
    "write_vectors",
]


def rows(vectors: SparseVectors, start: int, stop: int) -> SparseVectors:
    """Texts start:stop, as views."""
    if (start, stop) == (0, len(vectors)):
        return vectors
    offsets = vectors.offsets[start : stop + 1]
    entries = slice(offsets[0], offsets[-1])
    return SparseVectors(
        vectors.ids[start:stop], offsets - offsets[0], vectors.terms[entries], vectors.weights[entries]
    )


def concatenate(parts: Sequence[SparseVectors]) -> SparseVectors:
    """Parts one after another."""
    lengths = [np.diff(part.offsets) for part in parts]
    offsets = np.concatenate([[0], np.cumsum(np.concatenate(lengths))]) if parts else np.zeros(1)
    return SparseVectors(
        ids=[identity for part in parts for identity in part.ids],
        offsets=offsets.astype(np.int64),
        terms=np.concatenate([part.terms for part in parts]) if parts else np.zeros(0, np.int32),
        weights=np.concatenate([part.weights for part in parts]) if parts else np.zeros(0, np.float32),
    )
