"""The compiled inner loops of retrieval.

Kernels stand at module level: nested in a function they would be compiled anew by every process.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

CHUNK = 64
"""Scores that are compared with the threshold at once, by vector instructions."""

BUCKETS = 512


@numba.njit(cache=True, nogil=True)
def search_blocks(
    entries: NDArray[np.int64],
    terms: NDArray[np.int32],
    query_weights: NDArray[np.float32],
    first: NDArray[np.int64],
    offsets: NDArray[np.int64],
    documents: NDArray[np.uint16],
    weights: NDArray[np.float32],
    depth: int,
    scores: NDArray[np.float64],
    numbers: NDArray[np.int64],
    counts: NDArray[np.int64],
    accumulator: NDArray[np.float64],
) -> None:
    """Score Q queries block by block and keep the best documents of each.

    Block outside, query inside: the block's scores stay in the cache and its postings are read while they are near.

    Args:
        entries: [Q + 1]; query i owns terms and query_weights entries[i]:entries[i + 1].
        first, offsets, documents, weights: the index, see InvertedIndex.
        depth: documents wanted per query.
        scores, numbers: [Q, C] candidates by ascending document number, C at least CHUNK plus the lesser of N and more
            than `depth`; written here.
        counts: [Q] zeros; the number of best documents found, at most `depth`, afterwards.
        accumulator: [n] zeros, n a multiple of CHUNK and enough for the largest block; zeros again afterwards.
    """
    thresholds = np.zeros(len(counts), np.float64)
    for block in range(len(first) - 1):
        size = -(-(first[block + 1] - first[block]) // CHUNK) * CHUNK
        for query in range(len(counts)):
            touched = 0
            for entry in range(entries[query], entries[query + 1]):
                weight = np.float64(query_weights[entry])
                start, stop = offsets[block, terms[entry]], offsets[block, terms[entry] + 1]
                touched += stop - start
                near, values = documents[start:stop], weights[start:stop]
                for posting in range(len(near)):
                    accumulator[near[posting]] += weight * np.float64(values[posting])
            if touched:
                counts[query], thresholds[query] = _select(
                    accumulator[:size],
                    first[block],
                    depth,
                    thresholds[query],
                    counts[query],
                    scores[query],
                    numbers[query],
                )
    for query in range(len(counts)):
        if counts[query] > depth:
            _cut(scores[query, : counts[query]], numbers[query], depth)
            counts[query] = depth


@numba.njit(cache=True, nogil=True)
def _select(
    accumulator: NDArray[np.float64],
    first: int,
    depth: int,
    threshold: float,
    count: int,
    scores: NDArray[np.float64],
    numbers: NDArray[np.int64],
) -> tuple[int, float]:
    """Append documents above the threshold to the candidates [C], cut back to `depth` when these are nearly full.

    A document that ties with the threshold comes after `depth` others at least as good, so it can go. The accumulator
    is [n], n a multiple of CHUNK, and is cleared.

    Returns:
        The number of candidates and the threshold.
    """
    end = np.uint64(count)  # unsigned: an index that cannot be negative needs no check
    for start in range(0, len(accumulator), CHUNK):
        part = accumulator[start : start + CHUNK]
        above = 0
        for place in range(CHUNK):  # of fixed length, so it becomes vector instructions
            above += int(part[place] > threshold)
        if above:
            if end + np.uint64(CHUNK) > np.uint64(len(scores)):
                threshold = _cut(scores[:end], numbers, depth)
                end = np.uint64(depth)
            for place in range(CHUNK):  # without a branch, which would be mispredicted for every candidate
                scores[end] = part[place]
                numbers[end] = first + start + place
                end += np.uint64(part[place] > threshold)
        for place in range(CHUNK):
            part[place] = 0.0
    return int(end), threshold


@numba.njit(cache=True, nogil=True)
def _cut(scores: NDArray[np.float64], numbers: NDArray[np.int64], depth: int) -> float:
    """Move the `depth` best of the candidates [C] to the front, order kept, lower numbers first among ties.

    Returns:
        The least score among them.
    """
    threshold = _least(scores, depth)
    room = depth
    for score in scores:
        room -= score > threshold
    kept = np.uint64(0)
    for candidate in range(len(scores)):
        score = scores[candidate]
        tie = (score == threshold) & (room > 0)
        room -= tie
        scores[kept] = score
        numbers[kept] = numbers[candidate]
        kept += np.uint64((score > threshold) | tie)
    return threshold


@numba.njit(cache=True, nogil=True)
def _least(scores: NDArray[np.float64], depth: int) -> float:
    """The `depth`-th largest of the scores [C].

    They are counted into buckets of equal width, and only the one that holds the answer is partitioned: partitioning
    all of them costs a mispredicted branch for every other score, four times as much.
    """
    low, high = scores.min(), scores.max()
    scale = (BUCKETS - 1) / (high - low) if high > low else np.inf
    if scale == np.inf:
        return float(np.partition(scores, len(scores) - depth)[len(scores) - depth])
    sizes = np.zeros(BUCKETS, np.int64)
    for score in scores:
        sizes[np.uint64((score - low) * scale)] += 1
    bucket, rank = BUCKETS - 1, depth  # the answer is the rank-th largest of its bucket
    while sizes[bucket] < rank:
        rank -= sizes[bucket]
        bucket -= 1
    inside = np.empty(sizes[bucket] + 1, np.float64)
    found = np.uint64(0)
    for score in scores:
        inside[found] = score
        found += np.uint64(np.uint64((score - low) * scale) == np.uint64(bucket))
    place = sizes[bucket] - rank
    return float(np.partition(inside[: sizes[bucket]], place)[place])
