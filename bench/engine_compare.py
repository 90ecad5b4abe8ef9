"""Lists of an engine against our own search on the same weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rescalade.retrieval.index import InvertedIndex
from rescalade.retrieval.search import search
from rescalade.vectors.vectors import SparseVectors

Scored = dict[str, float]
"""Every document with a score above 0, best first, ties in the order of the corpus."""


def reference(index: InvertedIndex, queries: SparseVectors, parts: int = 1) -> dict[str, Scored]:
    """Our ranking of the whole corpus for each query; scores divided by `parts`, as the exported weights are."""
    found = {}
    for name, (numbers, scores) in zip(queries.ids, search(index, queries, len(index)), strict=True):
        found[name] = {index.ids[number]: score / parts for number, score in zip(numbers, scores.tolist(), strict=True)}
    return found


def compare(
    ours: dict[str, Scored], theirs: dict[str, list[tuple[str, float]]], depth: int, tolerance: float
) -> dict[str, float]:
    """Agreement of the best `depth`.

    Args:
        tolerance: relative difference below which two of our scores count as a tie; 0 for whole numbers.

    Returns:
        overlap: mean share of our documents that the engine returns. equal: share of queries with the same ids in the
        same order. equal_set: with the same ids. equal_but_ties, equal_set_but_ties: the same where a document may
        stand for another with the same score, for engines break ties by rules of their own. score_difference: the
        largest relative difference of the engine's score from ours for the same document.
    """
    names = ("overlap", "equal", "equal_set", "equal_but_ties", "equal_set_but_ties")
    counts: dict[str, list[float]] = {name: [] for name in names}
    largest = 0.0
    for query, scores in ours.items():
        wanted, answer = list(scores)[:depth], theirs.get(query, [])[:depth]
        found = [document for document, _ in answer]
        counts["overlap"].append(len({*wanted} & {*found}) / len(wanted) if wanted else float(not found))
        counts["equal"].append(found == wanted)
        counts["equal_set"].append({*found} == {*wanted})
        whole = len({*found}) == len(found) == len(wanted)
        best = [scores[document] for document in wanted]
        given = [scores.get(document, 0.0) for document in found]
        counts["equal_but_ties"].append(whole and _near(given, best, tolerance))
        counts["equal_set_but_ties"].append(whole and _near(sorted(given, reverse=True), best, tolerance))
        for document, score in answer:
            largest = max(largest, abs(score - scores.get(document, 0.0)) / max(scores.get(document, 0.0), 1e-30))
    return {name: float(np.mean(values)) for name, values in counts.items()} | {"score_difference": largest}


def _near(first: Sequence[float], second: Sequence[float], tolerance: float) -> bool:
    return bool(np.allclose(first, second, rtol=tolerance, atol=0.0))


def postings_differ(file: Path, documents: Sequence[Sequence[Any]], index: InvertedIndex) -> int:
    """Number of postings and documents that another reader of CIFF finds otherwise than they are in the index."""
    found = np.load(file)
    keys, weights = [], []
    for block, offsets in enumerate(index.offsets):
        part = slice(int(offsets[0]), int(offsets[-1]))
        terms = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
        keys.append(terms * len(index) + index.documents[part] + int(index.first[block]))
        weights.append(index.weights[part])
    ours = dict(zip(np.concatenate(keys).tolist(), np.concatenate(weights).tolist(), strict=True))
    theirs = dict(
        zip((found["terms"] * len(index) + found["documents"]).tolist(), found["weights"].tolist(), strict=True)
    )
    sums = np.zeros(len(index), np.int64)
    np.add.at(sums, found["documents"], found["weights"])
    expected = list(zip(index.ids, sums.tolist(), strict=True))
    wrong = len(found["terms"]) - len(theirs) + len(ours.items() ^ theirs.items())
    return wrong + len({*expected} ^ {(name, length) for name, length in documents})
