"""Exact retrieval: term at a time, float64 accumulators, ties by document number."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rescalade.encoding.vectors import SparseVectors
from rescalade.retrieval.index import InvertedIndex

Ranking = tuple[NDArray[np.int64], NDArray[np.float64]]


def search(index: InvertedIndex, queries: SparseVectors, depth: int) -> list[Ranking]:
    """The best documents of every query by dot product.

    Returns:
        Per query (document numbers, scores), score descending, then document number ascending. Only
        documents with a score above 0 are returned, so there may be fewer than `depth`.

    Sums run over the query's terms in ascending order in float64, the same for every document, so the
    result does not depend on how the corpus was sharded.
    """
    accumulator = np.zeros(len(index.ids), np.float64)
    return [_search_one(index, queries, number, depth, accumulator) for number in range(len(queries))]


def _search_one(
    index: InvertedIndex, queries: SparseVectors, number: int, depth: int, accumulator: NDArray[np.float64]
) -> Ranking:
    accumulator[:] = 0.0
    for entry in range(queries.offsets[number], queries.offsets[number + 1]):
        term, weight = queries.terms[entry], np.float64(queries.weights[entry])
        postings = slice(index.offsets[term], index.offsets[term + 1])
        # a document occurs once in a term's list, so fancy indexing adds correctly
        accumulator[index.documents[postings]] += weight * index.weights[postings]
    return best(accumulator, depth)


def best(scores: NDArray[np.float64], depth: int) -> Ranking:
    """The `depth` largest positive scores [N], ties by ascending number."""
    candidates = np.flatnonzero(scores > 0)
    if len(candidates) > depth:
        values = scores[candidates]
        threshold = np.partition(values, len(values) - depth)[len(values) - depth]
        candidates = candidates[values >= threshold]  # all that tie at the edge, so that the rule below decides
    order = np.lexsort((candidates, -scores[candidates]))[:depth]
    chosen = candidates[order]
    return chosen, scores[chosen]
