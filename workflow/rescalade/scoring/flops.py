"""Sparsity of encoded queries and documents."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from rescalade.scoring.scores import Sparsity
from rescalade.vectors.vectors import SparseVectors


def sparsity(queries: SparseVectors, documents: Iterable[SparseVectors], vocabulary: int) -> Sparsity:
    """Active terms, and FLOPS by both definitions in use.

    Args:
        documents: shards, read once, one at a time.
    """
    query, document = _Terms(vocabulary), _Terms(vocabulary)
    query.add(queries)
    for shard in documents:
        document.add(shard)
    return Sparsity(
        active_query=query.postings / max(1, query.texts),
        active_document=document.postings / max(1, document.texts),
        flops=float((query.counts / max(1, query.texts)) @ (document.counts / max(1, document.texts))),
        flops_regulariser_query=float(np.square(query.weights / max(1, query.texts)).sum()),
        flops_regulariser_document=float(np.square(document.weights / max(1, document.texts)).sum()),
    )


class _Terms:
    """Sums over texts: counts [V] int64, weights [V] float64."""

    def __init__(self, vocabulary: int) -> None:
        self.texts = self.postings = 0
        self.counts = np.zeros(vocabulary, np.int64)
        self.weights = np.zeros(vocabulary, np.float64)

    def add(self, vectors: SparseVectors) -> None:
        """Add texts; weights one by one in their order, so that the sharding does not change a bit of the sum."""
        self.texts += len(vectors)
        self.postings += vectors.postings
        self.counts += np.bincount(vectors.terms, minlength=len(self.counts))
        np.add.at(self.weights, vectors.terms, vectors.weights.astype(np.float64))
