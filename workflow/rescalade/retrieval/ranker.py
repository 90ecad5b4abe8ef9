"""Ranked lists for a whole set of queries, a slice of them at a time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from rescalade.retrieval.identical import depth_for, ranking
from rescalade.retrieval.index import InvertedIndex
from rescalade.retrieval.search import search
from rescalade.scoring.runfile import Hit
from rescalade.vectors.vectors import SparseVectors, rows

SLICE_QUERIES = 4096
"""Queries whose results are in memory together, 16 bytes for each of their documents."""
FEW_DOCUMENTS = 2**16
"""Documents whose names are read all at once, some 8 MB, where the rankings name more than that."""


@dataclass
class Ranker:
    """An index with the protocol of a data set.

    depth: documents per query. drop_identical_ids: a document whose id is the query's is left out, and the next one
    moves up. seconds: CPU time of the search so far, all threads together; a first query is searched without being
    timed, since kernels are compiled then where they have not been on this machine.
    """

    index: InvertedIndex
    depth: int
    drop_identical_ids: bool = False
    threads: int = 1
    seconds: float = 0.0

    def rankings(self, queries: SparseVectors) -> Iterator[tuple[str, list[Hit]]]:
        """Ids and scores for every query, in the order of the queries."""
        deepest = depth_for(self.depth, self.drop_identical_ids)
        few = len(self.index) <= min(FEW_DOCUMENTS, len(queries) * self.depth)
        names = self.index.ids[:] if few else self.index.ids
        if len(queries) and not self.seconds:
            search(self.index, rows(queries, 0, 1), deepest)
        for start in range(0, len(queries), SLICE_QUERIES):
            part = rows(queries, start, min(start + SLICE_QUERIES, len(queries)))
            begun = time.process_time()
            found = search(self.index, part, deepest, self.threads)
            self.seconds += time.process_time() - begun
            for query, (numbers, scores) in zip(part.ids, found, strict=True):
                hits = [(names[number], score) for number, score in zip(numbers.tolist(), scores.tolist(), strict=True)]
                yield query, ranking(query, hits, self.depth, self.drop_identical_ids)
