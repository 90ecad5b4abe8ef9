"""The compiled inner loops of retrieval.

Kernels stand at module level: nested in a function they would be compiled anew by every process.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

CHUNK = 64
"""Scores that are compared with the threshold at once, by vector instructions."""


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
        scores, numbers: [Q, C] candidates by ascending document number, C at least 2 depth or N; written here.
        counts: [Q] candidates so far.
        accumulator: [n] zeros for the largest block; zeros again afterwards.
    """
    thresholds = np.zeros(len(counts), np.float64)
    for block in range(len(first) - 1):
        size = first[block + 1] - first[block]
        for query in range(len(counts)):
            touched = 0
            for entry in range(entries[query], entries[query + 1]):
                weight = np.float64(query_weights[entry])
                start, stop = offsets[block, terms[entry]], offsets[block, terms[entry] + 1]
                touched += stop - start
                for posting in range(start, stop):
                    accumulator[documents[posting]] += weight * np.float64(weights[posting])
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
    """Append documents [n] above the threshold to the candidates [C], cut back to `depth` whenever these are full.

    A document that ties with the threshold comes after `depth` others at least as good, so it can go. Clears the
    accumulator.

    Returns:
        The number of candidates and the threshold.
    """
    for start in range(0, len(accumulator), CHUNK):
        stop = min(start + CHUNK, len(accumulator))
        above = 0
        for place in range(start, stop):
            if accumulator[place] > threshold:
                above += 1
        if above:
            for place in range(start, stop):
                score = accumulator[place]
                if score > threshold:
                    if count == len(scores):
                        threshold = _cut(scores, numbers, depth)
                        count = depth
                        if score <= threshold:
                            continue
                    scores[count] = score
                    numbers[count] = first + place
                    count += 1
        accumulator[start:stop] = 0.0
    return count, threshold


@numba.njit(cache=True, nogil=True)
def _cut(scores: NDArray[np.float64], numbers: NDArray[np.int64], depth: int) -> float:
    """Move the `depth` best of the candidates [C] to the front, order kept, lower numbers first among ties.

    Returns:
        The least score among them.
    """
    place = len(scores) - depth
    threshold = np.partition(scores, place)[place]
    room = depth
    for score in scores:
        if score > threshold:
            room -= 1
    kept = 0
    for candidate in range(len(scores)):
        score = scores[candidate]
        if score > threshold or (score == threshold and room > 0):
            if score == threshold:
                room -= 1
            scores[kept] = score
            numbers[kept] = numbers[candidate]
            kept += 1
    return float(threshold)
