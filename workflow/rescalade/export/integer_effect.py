"""What integer weights do to the ranking."""

from __future__ import annotations

import numpy as np

from rescalade.retrieval.index import InvertedIndex
from rescalade.retrieval.search import search
from rescalade.vectors.vectors import SparseVectors


def compare(
    exact: tuple[InvertedIndex, SparseVectors], changed: tuple[InvertedIndex, SparseVectors], depths: tuple[int, ...]
) -> dict[str, float]:
    """Rankings of two indexes for the same queries, each index with the queries as it takes them.

    Returns:
        queries, and per depth k: overlap@k, the mean share of the exact best k that the other finds too; same@k,
        the share of queries for which the lists are equal, order included. Queries without a result count as 1.
    """
    found: dict[str, float] = {"queries": len(exact[1])}
    lists = [search(index, queries, max(depths)) for index, queries in (exact, changed)]
    for depth in depths:
        overlap, same = [], []
        for (wanted, _), (other, _) in zip(*lists, strict=True):
            best, rest = wanted[:depth], other[:depth]
            overlap.append(len(np.intersect1d(best, rest)) / len(best) if len(best) else float(not len(rest)))
            same.append(np.array_equal(best, rest))
        found[f"overlap@{depth}"] = float(np.mean(overlap)) if overlap else 1.0
        found[f"same@{depth}"] = float(np.mean(same)) if same else 1.0
    return found
