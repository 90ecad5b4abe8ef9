"""The order in which the terms of a query are added up: it decides the last bit of a score, and what can be skipped."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rescalade.retrieval.arrays import read_only
from rescalade.vectors.vectors import SparseVectors

Terms = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]


def in_order(queries: SparseVectors, frequencies: NDArray[np.int64]) -> Terms:
    """Terms and weights of every query, the most weight per document that has the term first, ties by term.

    Telling terms come first and near-stop-words last, so a search can leave a query's last terms to the few documents
    that they could still lift. The order follows from the query and the whole corpus, never from blocks or shards.

    Args:
        frequencies: [V] documents that have the term.

    Returns:
        entries [Q + 1], terms and weights: query i owns entries[i]:entries[i + 1]. Terms that no document has and
        weights of 0 are left out.
    """
    lengths = np.diff(queries.offsets)
    row = np.repeat(np.arange(len(queries)), lengths)
    entries = slice(queries.offsets[0], queries.offsets[-1])
    terms, weights = queries.terms[entries], queries.weights[entries]
    used = np.flatnonzero((frequencies[terms] > 0) & (weights > 0))
    row, terms, weights = row[used], terms[used], weights[used]
    order = np.lexsort((terms, -(weights.astype(np.float64) / frequencies[terms]), row))
    return (
        np.concatenate([[0], np.cumsum(np.bincount(row, minlength=len(queries)))]).astype(np.int64),
        read_only(terms[order], np.int32),
        read_only(weights[order], np.float32),
    )
