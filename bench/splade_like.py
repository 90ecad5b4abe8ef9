"""A seeded synthetic corpus with the statistics of SPLADE vectors, of any size, and queries for it.

Terms follow a Zipf-Mandelbrot law with topics on top; weights are a saturated log-normal; a document has about 180
active terms and a query about 24: a few heavy core terms of a source document, light expansions and the near-stop-words
that SPLADE queries carry. A query touches about 1.8 postings per document, as Naver's models do (1.1 to 3.8).
Each document is drawn from a seed of its own, so it does not depend on the sharding or on the size of the corpus.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rescalade.compiled import kernel
from rescalade.vectors.vectors import SparseVectors

VOCABULARY = 30_522
TOPICS, TOPIC_TERMS = 3_000, 400
SHARD = 65_536


@dataclass(frozen=True)
class SpladeLike:
    """A corpus of N documents; iterating yields shards, again each time."""

    documents: int
    seed: int = 7
    shard: int = SHARD
    _laws: tuple[Any, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Draw popularity and topics."""
        random = np.random.default_rng(self.seed)
        rank = np.argsort(random.permutation(VOCABULARY))
        popularity = 1.0 / (rank + 12.0) ** 0.95
        flat = np.cumsum(popularity**0.55)
        topics = np.empty((TOPICS, TOPIC_TERMS), np.int32)
        for topic in topics:
            drawn = np.unique(np.searchsorted(flat, random.random(3 * TOPIC_TERMS) * flat[-1]))
            topic[:] = random.permutation(drawn)[:TOPIC_TERMS]
        inside = np.cumsum(1.0 / (np.arange(TOPIC_TERMS) + 5.0) ** 0.8)
        law = np.cumsum(popularity)
        frequent = np.argsort(rank)[:30].astype(np.int32)
        object.__setattr__(self, "_laws", (law / law[-1], topics, inside / inside[-1], frequent))

    def __len__(self) -> int:
        return -(-self.documents // self.shard)

    def __getitem__(self, number: int) -> SparseVectors:
        """One shard."""
        return self.rows(number * self.shard, min((number + 1) * self.shard, self.documents))

    def __iter__(self) -> Iterator[SparseVectors]:
        return map(self.__getitem__, range(len(self)))

    def rows(self, start: int, stop: int) -> SparseVectors:
        """Documents start:stop."""
        law, topics, inside, _ = self._laws
        counts = np.empty(stop - start, np.int64)
        terms = np.empty((stop - start) * 420, np.int32)
        weights = np.empty(len(terms), np.float32)
        entries = _documents(self.seed, start, law, topics, inside, counts, terms, weights)
        offsets = np.concatenate([[0], np.cumsum(counts)])
        names = [f"doc-{number}" for number in range(start, stop)]
        return SparseVectors(names, offsets, terms[:entries].copy(), weights[:entries].copy())

    def queries(self, count: int) -> SparseVectors:
        """Queries, each about one document."""
        law, topics, inside, frequent = self._laws
        random = np.random.default_rng([self.seed, 1])
        rows = []
        for _ in range(count):
            number = int(random.integers(0, self.documents))
            document = self.rows(number, number + 1)
            heavy = document.terms[np.argsort(-document.weights)[:40]]
            topic = topics[_topic(self.seed, number, len(topics))]
            length = int(np.clip(np.exp(random.normal(3.1, 0.45)), 5, 60))
            core = int(np.clip(random.normal(4, 1.5), 1, length))
            row = {int(t): float(np.clip(random.normal(1.9, 0.45), 0.6, 3.2)) for t in random.permutation(heavy)[:core]}
            while len(row) < length:
                kind = random.random()
                if kind < 0.07:
                    term = frequent[random.integers(0, len(frequent))]
                elif kind < 0.27:
                    term = random.choice(heavy)
                elif kind < 0.44:
                    term = topic[np.searchsorted(inside, random.random())]
                else:
                    term = np.searchsorted(law, random.random())
                row.setdefault(int(term), float(np.clip(np.exp(random.normal(-1.1, 0.7)), 0.01, 1.6)))
            rows.append(sorted(row.items()))
        offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
        entries = [entry for row in rows for entry in row]
        return SparseVectors(
            [f"query-{number}" for number in range(count)],
            offsets,
            np.array([term for term, _ in entries], np.int32),
            np.array([weight for _, weight in entries], np.float32),
        )


@kernel()
def _topic(seed: int, number: int, topics: int) -> int:
    """The document's main topic: its first random number."""
    np.random.seed((seed * 1_000_003 + number) % 4_294_967_291)
    return int(np.random.randint(0, topics))


@kernel()
def _documents(seed: int, start: int, law: Any, topics: Any, inside: Any, counts: Any, terms: Any, weights: Any) -> int:
    """Fill terms and weights of the documents from number `start` on; returns the number of postings."""
    taken = np.full(len(law), -1, np.int64)
    end = 0
    for row in range(len(counts)):
        topic = _topic(seed, start + row, len(topics))
        other = np.random.randint(0, len(topics))
        length = min(max(int(np.random.normal(180.0, 60.0)), 8), 420)
        found = 0
        for _ in range(20 * length):
            if found == length:
                break
            kind = np.random.random()
            if kind < 0.45:
                term = topics[topic, np.searchsorted(inside, np.random.random())]
            elif kind < 0.60:
                term = topics[other, np.searchsorted(inside, np.random.random())]
            else:
                term = np.int32(np.searchsorted(law, np.random.random()))
            if taken[term] == row:
                continue
            taken[term] = row
            weight = np.exp(np.random.normal(-1.05, 0.75)) * (1.7 if kind < 0.45 else 1.0)
            terms[end + found] = term
            weights[end + found] = min(1.6 * np.log1p(weight), 3.8)  # saturated, as log(1 + relu(.)) is
            found += 1
        order = np.argsort(terms[end : end + found])
        terms[end : end + found] = terms[end : end + found][order]
        weights[end : end + found] = weights[end : end + found][order]
        counts[row] = found
        end += found
    return end
