"""Why a document was found: the terms that it shares with the query."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rescalade.retrieval.index import InvertedIndex
from rescalade.vectors.vectors import SparseVectors


@dataclass(frozen=True)
class Match:
    """A term that query and document have in common; the score is the sum of the products."""

    term: int
    query: float
    document: float

    @property
    def product(self) -> float:
        """What the term adds to the score."""
        return self.query * self.document


def matches(index: InvertedIndex, query: SparseVectors, document: int) -> list[Match]:
    """Terms that the first query shares with a document, the largest product first, ties by term."""
    block = int(np.searchsorted(index.first, document, side="right")) - 1
    local = document - int(index.first[block])
    found = []
    for entry in range(int(query.offsets[0]), int(query.offsets[1])):
        term = int(query.terms[entry])
        start, stop = index.offsets[block, term : term + 2].tolist()
        place = start + int(np.searchsorted(index.documents[start:stop], local))
        if place < stop and index.documents[place] == local:
            found.append(Match(term, float(query.weights[entry]), float(index.weights[place])))
    return sorted(found, key=lambda match: (-match.product, match.term))
