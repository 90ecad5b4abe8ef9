"""Cutting a corpus into blocks of documents, and inverting one block.

A block is the unit in which an index is built and searched: its document numbers fit 16 bits and the scores of its
documents fit a core's cache. Only one block is in memory while an index is built, so its size bounds the memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rescalade.compiled import kernel
from rescalade.errors import UserError
from rescalade.retrieval.arrays import read_only
from rescalade.vectors.vectors import SparseVectors, concatenate, rows

BLOCK_DOCUMENTS = 65_536
"""Documents per block: the range of a uint16, and 512 KiB of float64 scores."""

BLOCK_POSTINGS = 16_000_000
"""Postings with which a block is full with fewer documents too: collapsed vectors have ten thousand terms each."""


@dataclass(frozen=True)
class Block:
    """Postings of consecutive documents, by term.

    ids: names of the n documents. offsets: [V + 1] int64; term j owns postings offsets[j]:offsets[j + 1].
    documents: [P] uint16 numbers inside the block, ascending inside a term. weights: [P] float32, above 0.
    """

    ids: list[str]
    offsets: NDArray[np.int64]
    documents: NDArray[np.uint16]
    weights: NDArray[np.float32]

    def maxima(self) -> NDArray[np.float32]:
        """[V] the largest weight of every term, 0 where it has no postings."""
        found = np.zeros(len(self.offsets) - 1, np.float32)
        used = np.flatnonzero(np.diff(self.offsets))
        if len(used):
            found[used] = np.maximum.reduceat(self.weights, self.offsets[used])
        return found


def blocks(shards: Iterable[SparseVectors], vocabulary: int, postings: int = BLOCK_POSTINGS) -> Iterator[Block]:
    """Invert shards block by block.

    A block ends after BLOCK_DOCUMENTS documents or after the document with which it reaches `postings`, so it depends
    on the documents alone and not on how they are sharded.

    Args:
        shards: read once, one at a time.
        vocabulary: V; every term is below it.
        postings: at least 1. In memory are at most 14 bytes for each of `postings` + V, and one shard.

    Raises:
        UserError: a weight is negative or not finite, or a term lies outside the vocabulary; the document is named.
    """
    pending: list[SparseVectors] = []
    documents = held = 0
    for shard in shards:
        start = 0
        while start < len(shard):
            reaches = int(np.searchsorted(shard.offsets, shard.offsets[start] + postings - held))
            stop = min(start + BLOCK_DOCUMENTS - documents, reaches, len(shard))
            pending.append(rows(shard, start, stop))
            documents += stop - start
            held += int(shard.offsets[stop] - shard.offsets[start])
            start = stop
            if documents == BLOCK_DOCUMENTS or held >= postings:
                yield _invert(pending, vocabulary)
                pending, documents, held = [], 0, 0
        if pending and len(pending[-1]) < len(shard):
            pending[-1] = concatenate([pending[-1]])  # a copy, so that the rest of the shard can go
    if pending:
        yield _invert(pending, vocabulary)


def _invert(parts: list[SparseVectors], vocabulary: int) -> Block:
    """Counting sort by term; documents stay ascending inside a term. Weights of 0 are left out."""
    offsets = np.zeros(vocabulary + 1, np.int64)
    for part in parts:
        wrong = _count(read_only(part.terms, np.int32), read_only(part.weights, np.float32), offsets)
        if wrong >= 0:
            raise _refused(part, wrong, vocabulary)
    np.cumsum(offsets, out=offsets)
    documents, weights = np.empty(offsets[-1], np.uint16), np.empty(offsets[-1], np.float32)
    cursor, first = offsets[:-1].copy(), 0
    for part in parts:
        _place(
            read_only(part.offsets, np.int64),
            read_only(part.terms, np.int32),
            read_only(part.weights, np.float32),
            first,
            cursor,
            documents,
            weights,
        )
        first += len(part)
    return Block([name for part in parts for name in part.ids], offsets, documents, weights)


def _refused(part: SparseVectors, posting: int, vocabulary: int) -> UserError:
    name = part.ids[int(np.searchsorted(part.offsets, posting, side="right")) - 1]
    term, weight = int(part.terms[posting]), float(part.weights[posting])
    if not 0 <= term < vocabulary:
        return UserError(
            f"document {name!r}: term {term} lies outside the vocabulary of {vocabulary}; its vectors are of another "
            "model, or damaged: encode again"
        )
    return UserError(
        f"document {name!r}: term {term} has weight {weight}; weights must be finite and not negative: encode again"
    )


@kernel(nogil=True)
def _count(terms: NDArray[np.int32], weights: NDArray[np.float32], offsets: NDArray[np.int64]) -> int:
    """Add postings [P] to offsets[term + 1]; the position of the first that is refused, or -1."""
    for posting in range(len(terms)):
        term, weight = terms[posting], weights[posting]
        if not (0 <= weight < np.inf) or term < 0 or term >= len(offsets) - 1:
            return posting
        if weight > 0:
            offsets[term + 1] += 1
    return -1


@kernel(nogil=True)
def _place(
    offsets: NDArray[np.int64],
    terms: NDArray[np.int32],
    weights: NDArray[np.float32],
    first: int,
    cursor: NDArray[np.int64],
    documents: NDArray[np.uint16],
    out: NDArray[np.float32],
) -> None:
    """Write the postings of documents `first` onwards where the cursors [V] of their terms stand."""
    for row in range(len(offsets) - 1):
        for posting in range(offsets[row], offsets[row + 1]):
            if weights[posting] > 0:
                place = cursor[terms[posting]]
                cursor[terms[posting]] = place + 1
                documents[place] = first + row
                out[place] = weights[posting]
