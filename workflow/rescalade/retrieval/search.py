"""Exact retrieval: document-blocked term at a time, float64 accumulators, ties by document number."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from rescalade.errors import UserError
from rescalade.retrieval.arrays import read_only
from rescalade.retrieval.block import BLOCK_DOCUMENTS
from rescalade.retrieval.index import InvertedIndex
from rescalade.retrieval.kernel import CHUNK, Asked, Best, Postings, Scratch, search_blocks
from rescalade.vectors.vectors import SparseVectors

Ranking = tuple[NDArray[np.int64], NDArray[np.float64]]
Terms = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]

BATCH_QUERIES = 256
BATCH_BYTES = 64 << 20
"""Queries searched together, and the memory of their candidates, in each thread."""


def search(index: InvertedIndex, queries: SparseVectors, depth: int, threads: int = 1) -> list[Ranking]:
    """The best documents of every query by dot product.

    Args:
        depth: documents per query, of any size.
        threads: queries are shared out among so many; the result has the same bits for any number.

    Returns:
        Per query (document numbers, scores), score descending, then document number ascending. Only
        documents with a score above 0 are returned, so there may be fewer than `depth`.

    Raises:
        UserError: a query has a term outside the index's vocabulary or a weight that is negative or not finite.

    Sums run in float64, where the product of two float32 is exact, over the query's terms in one order for every
    document (see `in_order`): the result depends neither on how the corpus was sharded nor on the processor.
    """
    if depth < 1:
        raise UserError(f"depth {depth}: at least 1 document per query is expected")
    _check(index, queries)
    ranges = _batches(len(queries), min(depth, len(index)), len(index), threads)
    asked = Asked(*in_order(queries, index.frequencies))
    if threads == 1 or len(ranges) <= 1:
        return list(itertools.chain.from_iterable(_search_batch(index, asked, depth, part) for part in ranges))
    with ThreadPoolExecutor(threads) as pool:  # the kernel holds no lock of the interpreter
        found = pool.map(lambda part: list(_search_batch(index, asked, depth, part)), ranges)
        return list(itertools.chain.from_iterable(found))


def in_order(queries: SparseVectors, frequencies: NDArray[np.int64]) -> Terms:
    """Terms and weights of every query in the order in which they are added up.

    The most weight per document that has the term comes first, ties by term. The order decides the last bit of a score,
    and what can be skipped: telling terms come first and near-stop-words last, so a search can leave a query's last
    terms to the few documents that they could still lift. It follows from the query and the whole corpus, never from
    blocks or shards.

    Args:
        frequencies: [V] documents that have the term.

    Returns:
        entries [Q + 1], terms and weights: query i owns entries[i]:entries[i + 1]. Terms that no document has and
        weights of 0 are left out.
    """
    lengths = np.diff(queries.offsets)
    row = np.repeat(np.arange(len(queries)), lengths)
    entries = slice(queries.offsets[0], queries.offsets[-1])
    terms, weights = queries.terms[entries], queries.weights[entries]
    used = np.flatnonzero((frequencies[terms] > 0) & (weights > 0))
    row, terms, weights = row[used], terms[used], weights[used]
    order = np.lexsort((terms, -(weights.astype(np.float64) / frequencies[terms]), row))
    return (
        np.concatenate([[0], np.cumsum(np.bincount(row, minlength=len(queries)))]).astype(np.int64),
        read_only(terms[order], np.int32),
        read_only(weights[order], np.float32),
    )


def _check(index: InvertedIndex, queries: SparseVectors) -> None:
    wrong = np.flatnonzero((queries.terms < 0) | (queries.terms >= index.vocabulary))
    if len(wrong):
        name = queries.ids[int(np.searchsorted(queries.offsets, wrong[0], side="right")) - 1]
        raise UserError(
            f"query {name!r}: term {queries.terms[wrong[0]]} lies outside the index's vocabulary of "
            f"{index.vocabulary}; queries and documents must be encoded by one model"
        )
    wrong = np.flatnonzero(~((queries.weights >= 0) & np.isfinite(queries.weights)))
    if len(wrong):
        name = queries.ids[int(np.searchsorted(queries.offsets, wrong[0], side="right")) - 1]
        raise UserError(
            f"query {name!r}: term {queries.terms[wrong[0]]} has weight {queries.weights[wrong[0]]}; "
            "weights must be finite and not negative"
        )


def _capacity(depth: int, documents: int) -> int:
    """Candidates kept per query between two cuts back to `depth`; a whole corpus never needs one."""
    return min(max(2 * depth, 256), documents) + CHUNK


def _batches(queries: int, depth: int, documents: int, threads: int) -> list[slice]:
    """Ranges of queries that are searched together: as many for every thread, and few enough for the memory.

    No smaller than that: the index is read from memory once for each range, and the threads share its bandwidth.
    """
    most = max(1, min(BATCH_QUERIES, BATCH_BYTES // (16 * _capacity(depth, documents))))
    rounds = -(-queries // (most * threads))
    size = max(1, -(-queries // max(1, rounds * threads)))
    return [slice(start, min(start + size, queries)) for start in range(0, queries, size)]


def _search_batch(index: InvertedIndex, asked: Asked, depth: int, part: slice) -> Iterator[Ranking]:
    size, depth = part.stop - part.start, min(depth, max(1, len(index)))
    shape = size, _capacity(depth, len(index))
    best = Best(np.empty(shape, np.float64), np.empty(shape, np.int64), np.zeros(size, np.int64))
    room = BLOCK_DOCUMENTS + CHUNK
    search_blocks(
        Asked(read_only(asked.entries[part.start : part.stop + 1], np.int64), asked.terms, asked.weights),
        Postings(index.first, index.offsets, index.documents, index.weights, index.maxima),
        depth,
        best,
        Scratch(
            np.zeros(BLOCK_DOCUMENTS), np.empty(room, np.uint16), np.empty(room), np.empty(BLOCK_DOCUMENTS, np.uint32)
        ),
    )
    for query in range(size):
        found, values = best.numbers[query, : best.counts[query]], best.scores[query, : best.counts[query]]
        order = np.argsort(-values, kind="stable")  # the numbers ascend, so among ties the lower comes first
        yield found[order], values[order]
