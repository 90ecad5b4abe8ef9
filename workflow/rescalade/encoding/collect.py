"""Rows of texts gathered into one shard, within a bound on memory, with a count of what was left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from rescalade.encoding.prune import heaviest
from rescalade.encoding.reader import SparseVectors
from rescalade.encoding.sparsify import SparseRows

BYTES = 8
"""Of a posting in memory: int32 term and float32 weight."""


@dataclass(frozen=True)
class Tally:
    """What the model gave for some texts, and what of it stayed.

    postings, weight: (text, term) entries and the sum of their weights as the model gave them.
    kept_postings, kept_weight: after the cap on terms and the bound on bytes.
    broken: texts with a weight that is not finite; they have the empty vector.
    bounded: shards that met the bound on bytes.
    """

    texts: int = 0
    postings: int = 0
    weight: float = 0.0
    kept_postings: int = 0
    kept_weight: float = 0.0
    broken: int = 0
    bounded: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))


class Collector:
    """Takes rows in any order and gives them back in the order of the texts."""

    def __init__(self, texts: int, *, top_terms: int | None, limit: int) -> None:
        """Begin a shard.

        Args:
            texts: their number.
            top_terms: heaviest terms kept of every text; None keeps all.
            limit: bytes of all rows together. Where they would take more, the heaviest
                limit / (8 texts) terms of every text are kept: a rule that depends on nothing but the
                texts, so the result does not depend on their order.
        """
        self._rows: list[tuple[NDArray[np.int32], NDArray[np.float32]] | None] = [None] * texts
        self._top, self._limit = top_terms, limit
        self._bytes = self._broken = self._postings = self._bounded = 0
        self._weight = 0.0

    def add(self, numbers: Sequence[int], rows: SparseRows) -> None:
        """Take the rows of the texts of these numbers."""
        self._broken += int(rows.broken.sum())
        self._postings += len(rows.terms)
        self._weight += float(rows.weights.sum(dtype=np.float64))
        stops = np.cumsum(rows.counts)
        for number, start, stop in zip(numbers, stops - rows.counts, stops, strict=True):
            self._put(number, rows.terms[start:stop], rows.weights[start:stop])
        if self._bytes > self._limit and not self._bounded:
            self._bounded = 1
            cap = max(1, self._limit // (BYTES * len(self._rows)))
            self._top = cap if self._top is None else min(cap, self._top)
            self._bytes = 0
            for number, row in enumerate(self._rows):
                if row is not None:
                    self._put(number, *row)

    def finish(self, ids: Sequence[str]) -> tuple[SparseVectors, Tally]:
        """All texts in order; the collector is empty afterwards."""
        offsets = np.zeros(len(self._rows) + 1, np.int64)
        np.cumsum([0 if row is None else len(row[0]) for row in self._rows], out=offsets[1:])
        terms, weights = np.empty(offsets[-1], np.int32), np.empty(offsets[-1], np.float32)
        for number, row in enumerate(self._rows):
            if row is not None:
                place = slice(offsets[number], offsets[number + 1])
                terms[place], weights[place] = row
                self._rows[number] = None  # so that the shard does not lie in memory twice
        tally = Tally(
            texts=len(ids),
            postings=self._postings,
            weight=self._weight,
            kept_postings=len(terms),
            kept_weight=float(weights.sum(dtype=np.float64)),
            broken=self._broken,
            bounded=self._bounded,
        )
        return SparseVectors(list(ids), offsets, terms, weights), tally

    def _put(self, number: int, terms: NDArray[np.int32], weights: NDArray[np.float32]) -> None:
        if self._top is not None and len(terms) > self._top:
            kept = heaviest(weights, self._top)
            terms, weights = terms[kept], weights[kept]
        elif self._top is not None:
            terms, weights = terms.copy(), weights.copy()  # a view would keep its whole batch in memory
        self._rows[number] = (terms, weights)
        self._bytes += BYTES * len(terms)
