"""Exact retrieval: term at a time, float64 accumulators, ties by document number."""

from __future__ import annotations

from dataclasses import replace

import numba
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
    # plain arrays over the mapped files: a memmap would be a type of its own to the compiler
    index = replace(
        index,
        offsets=np.asarray(index.offsets),
        documents=np.asarray(index.documents),
        weights=np.asarray(index.weights),
    )
    return [_search_one(index, queries, number, depth, accumulator) for number in range(len(queries))]


def _search_one(
    index: InvertedIndex, queries: SparseVectors, number: int, depth: int, accumulator: NDArray[np.float64]
) -> Ranking:
    entries = slice(queries.offsets[number], queries.offsets[number + 1])
    accumulator[:] = 0.0
    _accumulate(
        queries.terms[entries], queries.weights[entries], index.offsets, index.documents, index.weights, accumulator
    )
    return best(accumulator, depth)


@numba.njit(cache=True)
def _accumulate(
    terms: NDArray[np.int32],
    query_weights: NDArray[np.float32],
    offsets: NDArray[np.int64],
    documents: NDArray[np.int32],
    weights: NDArray[np.float32],
    accumulator: NDArray[np.float64],
) -> None:
    """Add one query's contributions to the scores [N], both factors widened to float64 first."""
    for entry in range(len(terms)):
        weight = np.float64(query_weights[entry])
        for posting in range(offsets[terms[entry]], offsets[terms[entry] + 1]):
            accumulator[documents[posting]] += weight * np.float64(weights[posting])


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
