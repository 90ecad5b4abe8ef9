"""Rows of texts gathered into one shard, within a bound on memory, with a count of what was left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rescalade.encoding.sparsify import SparseRows
from rescalade.vectors.reader import SparseVectors

BYTES = 8
"""Of a posting in memory: int32 term and float32 weight."""
BLOCK = 2**22
"""Entries of a block, 32 MiB."""


@dataclass(frozen=True)
class Tally:
    """What the model gave for some texts, and what of it stayed.

    postings, weight: (text, term) entries and the sum of their weights as the model gave them.
    kept_postings, kept_weight: after the cap on terms and the bound on bytes.
    empty: texts without any term. tokens: of all texts, special ones included.
    broken: texts with a weight that is not finite; they have the empty vector and are not among the empty ones.
    bounded: shards that met the bound on bytes.
    """

    texts: int = 0
    postings: int = 0
    weight: float = 0.0
    kept_postings: int = 0
    kept_weight: float = 0.0
    empty: int = 0
    tokens: int = 0
    broken: int = 0
    bounded: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))


class _Rows(NamedTuple):
    """Rows of texts: the numbers of these [n], entries of each [n], terms [P] and weights [P]."""

    numbers: Sequence[int]
    counts: NDArray[np.int64]
    terms: NDArray[np.int32]
    weights: NDArray[np.float32]


class Collector:
    """Takes rows in any order and gives them back in the order of the texts.

    Entries are copied into a few large blocks. Small arrays that live long, between the large ones that come and go
    with every batch, would leave the heap full of holes: several times their own size.
    """

    def __init__(self, texts: int, *, top_terms: int | None, limit: int) -> None:
        """Begin a shard.

        Args:
            texts: their number.
            top_terms: heaviest terms kept of every text; None keeps all.
            limit: bytes of all rows together. Where they would take more, the heaviest
                limit / (8 texts) terms of every text are kept: a rule that depends on nothing but the
                texts, so the result does not depend on their order.
        """
        self._texts, self._top, self._limit = texts, top_terms, limit
        self._postings = self._empty = self._broken = self._bounded = 0
        self._weight = 0.0
        self._clear()

    def add(self, numbers: Sequence[int], rows: SparseRows) -> None:
        """Take the rows of the texts of these numbers."""
        self._broken += int(rows.broken.sum())
        self._empty += int(((rows.counts == 0) & ~rows.broken).sum())
        self._postings += len(rows.terms)
        self._weight += float(rows.weights.sum(dtype=np.float64))
        self._put(_Rows(numbers, rows.counts, rows.terms, rows.weights))
        if self._bytes > self._limit and not self._bounded:
            self._bounded = 1
            cap = max(1, self._limit // (BYTES * self._texts))
            self._top = cap if self._top is None else min(cap, self._top)
            blocks = self._blocks
            self._clear()
            while blocks:  # one at a time, so that what is kept and what goes are not both there
                self._put(blocks.pop(0).filled())

    def finish(self, ids: Sequence[str]) -> tuple[SparseVectors, Tally]:
        """All texts in order; the collector is empty afterwards. Tokens it does not know."""
        counts = np.zeros(self._texts, np.int64)
        for block in self._blocks:
            counts[block.numbers] = block.counts
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        terms, weights = np.empty(offsets[-1], np.int32), np.empty(offsets[-1], np.float32)
        while self._blocks:
            numbers, lengths, block_terms, block_weights = self._blocks.pop(0).filled()
            starts = offsets[:-1][numbers]
            places = np.repeat(starts - (np.cumsum(lengths) - lengths), lengths) + np.arange(len(block_terms))
            terms[places], weights[places] = block_terms, block_weights
        tally = Tally(
            texts=len(ids),
            postings=self._postings,
            weight=self._weight,
            kept_postings=len(terms),
            kept_weight=float(weights.sum(dtype=np.float64)),
            empty=self._empty,
            broken=self._broken,
            bounded=self._bounded,
        )
        return SparseVectors(list(ids), offsets, terms, weights), tally

    def _clear(self) -> None:
        self._blocks: list[_Block] = []
        self._bytes = 0

    def _put(self, rows: _Rows) -> None:
        if self._top is not None and len(rows.counts) and int(rows.counts.max()) > self._top:
            stops = np.cumsum(rows.counts)
            places = zip(stops - rows.counts, stops, strict=True)
            kept = np.concatenate([heaviest(rows.weights[start:stop], self._top) for start, stop in places])
            rows = _Rows(rows.numbers, np.minimum(rows.counts, self._top), rows.terms[kept], rows.weights[kept])
        entries = len(rows.terms)
        if not self._blocks or not self._blocks[-1].takes(entries):
            self._blocks.append(_Block(max(BLOCK, entries)))
        self._blocks[-1].append(rows)
        self._bytes += BYTES * entries


class _Block:
    """Room for rows: their texts' numbers, counts and entries. Pages that are not written take no memory."""

    def __init__(self, room: int) -> None:
        self._terms, self._weights = np.empty(room, np.int32), np.empty(room, np.float32)
        self._used = 0
        self.numbers: list[int] = []
        self.counts: list[int] = []

    def takes(self, entries: int) -> bool:
        return self._used + entries <= len(self._terms)

    def append(self, rows: _Rows) -> None:
        place = slice(self._used, self._used + len(rows.terms))
        self._terms[place], self._weights[place] = rows.terms, rows.weights
        self._used = place.stop
        self.numbers += rows.numbers
        self.counts += rows.counts.tolist()

    def filled(self) -> _Rows:
        counts = np.array(self.counts, np.int64)
        return _Rows(self.numbers, counts, self._terms[: self._used], self._weights[: self._used])


def heaviest(weights: NDArray[np.float32], count: int) -> NDArray[np.bool_]:
    """Which entries of one text stay: a cap for those who want one, and the way out of a collapsed model.

    Args:
        weights: [P] float32, of ascending terms.
        count: how many may stay.

    Returns:
        [P] bool with min(P, count) entries True: the largest weights, of equal ones those of the lower terms.
    """
    if len(weights) <= count:
        return np.ones(len(weights), np.bool_)
    if count == 0:
        return np.zeros(len(weights), np.bool_)
    edge = np.partition(weights, len(weights) - count)[len(weights) - count]
    kept: NDArray[np.bool_] = weights > edge
    kept[np.flatnonzero(weights == edge)[: count - int(kept.sum())]] = True
    return kept
