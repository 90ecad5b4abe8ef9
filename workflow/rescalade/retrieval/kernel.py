"""The compiled inner loops of retrieval.

Kernels stand at module level: nested in a function they would be compiled anew by every process. They stand in one file
because numba compiles anew what its own file's change concerns, not what it calls in another.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from rescalade.compiled import kernel

CHUNK = 64
"""Scores that are compared with the threshold at once, by vector instructions."""

BUCKETS = 512

AHEAD_LISTS, AHEAD_POSTINGS = 4, 512
"""While one list of postings is added, the beginning of a later one is fetched: rare terms' lists are in no cache."""

FIRST_SHARE, MOST_SHARE, STEP = 0.4, 0.95, 0.05
"""Share of the threshold that the terms left out of a block may reach: in the first block, at most, and its change."""

LOOKUP = 30
"""Postings of frequent terms that are added in the time in which one document is looked up in one list."""

ROUNDING = 1e-9
"""Of a threshold, by which a bound must stay below it: more than the rounding of a sum of 250,000 terms twice over."""


def _prefetch(typing_context: Any, array: Any, position: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = builder.gep(context.make_array(array)(context, builder, arguments[0]).data, [arguments[1]])
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        read, keep_in_second_level, data = (ir.Constant(number, value) for value in (0, 2, 1))
        builder.call(
            builder.module.declare_intrinsic("llvm.prefetch", [byte], kind),
            [builder.bitcast(pointer, byte), read, keep_in_second_level, data],
        )
        return context.get_dummy_value()

    return types.void(array, types.int64), emit


prefetch: Any = intrinsic(_prefetch)
"""`prefetch(array, position)` in a kernel: begin to load the line of array[position].

Never a fault, whatever the position, and without effect on any result. Where the processor has no such instruction the
compiler leaves it out.
"""


class Postings(NamedTuple):
    """Arrays of an index, see InvertedIndex."""

    first: NDArray[np.int64]
    offsets: NDArray[np.int64]
    documents: NDArray[np.uint16]
    weights: NDArray[np.float32]
    maxima: NDArray[np.float32]


class Asked(NamedTuple):
    """Terms of Q queries in the order in which they are added: query i owns entries[i]:entries[i + 1]."""

    entries: NDArray[np.int64]
    terms: NDArray[np.int32]
    weights: NDArray[np.float32]


class Best(NamedTuple):
    """scores, numbers: [Q, C] candidates by ascending document number. counts: [Q]."""

    scores: NDArray[np.float64]
    numbers: NDArray[np.int64]
    counts: NDArray[np.int64]


class Scratch(NamedTuple):
    """accumulator: [n] zeros, n a multiple of CHUNK and enough for the largest block; zeros again after every use.

    alive, partial, places: [n + CHUNK] documents of one block that may still get among the best, their scores so far,
    and where they were found.
    """

    accumulator: NDArray[np.float64]
    alive: NDArray[np.uint16]
    partial: NDArray[np.float64]
    places: NDArray[np.uint32]


@kernel(nogil=True)
def search_blocks(asked: Asked, index: Postings, depth: int, best: Best, scratch: Scratch) -> None:
    """Score queries block by block and keep the best documents of each.

    Block outside, query inside: the block's scores stay in the cache and its postings are read while they are near.

    A query's last terms are left out of a block as long as their largest possible sum there is below a share of the
    threshold, the least score among the best so far. Only documents that this sum could lift over the threshold are
    then looked up in their lists. A document's terms are added in the same order either way, so its score has the same
    bits, and none is missed. How large the share may be follows from what the last block's lookups cost and saved.

    Args:
        depth: documents wanted per query.
        best: C at least CHUNK plus the lesser of N and more than `depth`; counts zero, and afterwards the number of
            best documents found, at most `depth`.
    """
    queries = len(best.counts)
    thresholds, shares = np.zeros(queries, np.float64), np.full(queries, FIRST_SHARE)
    for block in range(len(index.first) - 1):
        for query in range(queries):
            begin, end = asked.entries[query], asked.entries[query + 1]
            cut, bound, saved = _tail(asked, index, block, begin, end, shares[query] * thresholds[query])
            touched = _add(asked, index, block, begin, cut, scratch.accumulator)
            if not touched:
                continue  # what was left out reaches no threshold by itself
            size = -(-(index.first[block + 1] - index.first[block]) // CHUNK) * CHUNK
            if not saved:
                if thresholds[query] > 0.0:
                    shares[query] = min(shares[query] + STEP, MOST_SHARE)
                count, threshold = _select(
                    scratch.accumulator[:size],
                    index.first[block],
                    depth,
                    thresholds[query],
                    best.counts[query],
                    best.scores[query],
                    best.numbers[query],
                )
            else:
                alive = _survivors(scratch, size, thresholds[query] * (1.0 - ROUNDING) - bound)
                alive, looked_up = _complete(asked, index, block, cut, end, bound, thresholds[query], alive, scratch)
                count, threshold = _append(scratch, alive, index.first[block], depth, thresholds[query], best, query)
                shares[query] = _next_share(shares[query], looked_up, saved)
            if count > depth + depth // 4:  # now, so that the next block meets a higher threshold
                threshold = _cut(best.scores[query, :count], best.numbers[query], depth)
                count = depth
            best.counts[query], thresholds[query] = count, threshold
    for query in range(queries):
        if best.counts[query] > depth:
            _cut(best.scores[query, : best.counts[query]], best.numbers[query], depth)
            best.counts[query] = depth


@kernel(nogil=True)
def _tail(asked: Asked, index: Postings, block: int, begin: int, end: int, limit: float) -> tuple[int, float, int]:
    """The longest tail of a query's terms begin:end that adds less than `limit` to any document of the block.

    Returns:
        Where it starts, the most that it can add, and its postings.
    """
    cut, bound, postings = end, 0.0, 0
    while cut > begin:
        term = asked.terms[cut - 1]
        more = bound + np.float64(asked.weights[cut - 1]) * np.float64(index.maxima[block, term])
        if more >= limit:
            break
        cut, bound = cut - 1, more
        postings += index.offsets[block, term + 1] - index.offsets[block, term]
    return cut, bound, postings


@kernel(nogil=True)
def _add(asked: Asked, index: Postings, block: int, begin: int, end: int, accumulator: NDArray[np.float64]) -> int:
    """Add the terms begin:end of a query to the scores of a block; returns how many postings they have."""
    touched = 0
    for entry in range(begin, end):
        later = asked.terms[min(entry + AHEAD_LISTS, end - 1)]
        start = index.offsets[block, later]
        stop = min(index.offsets[block, later + 1], start + AHEAD_POSTINGS)
        for posting in range(start, stop, 32):  # 64 bytes, a line
            prefetch(index.documents, posting)
        for posting in range(start, stop, 16):
            prefetch(index.weights, posting)
        term, weight = asked.terms[entry], np.float64(asked.weights[entry])
        start, stop = index.offsets[block, term], index.offsets[block, term + 1]
        touched += stop - start
        near, values = index.documents[start:stop], index.weights[start:stop]
        for posting in range(len(near)):
            accumulator[near[posting]] += weight * np.float64(values[posting])
    return touched


@kernel(nogil=True)
def _survivors(scratch: Scratch, size: int, threshold: float) -> int:
    """Documents of a block of `size` above the threshold, with their scores, into `scratch`; returns how many."""
    end = np.uint64(0)  # unsigned: an index that cannot be negative needs no check
    for start in range(0, size, CHUNK):
        part = scratch.accumulator[start : start + CHUNK]
        above = 0
        for place in range(CHUNK):
            above += int(part[place] > threshold)
        if above:
            for place in range(CHUNK):
                scratch.alive[end] = start + place
                scratch.partial[end] = part[place]
                end += np.uint64(part[place] > threshold)
        for place in range(CHUNK):
            part[place] = 0.0
    return int(end)


@kernel(nogil=True)
def _complete(
    asked: Asked,
    index: Postings,
    block: int,
    cut: int,
    end: int,
    bound: float,
    threshold: float,
    alive: int,
    scratch: Scratch,
) -> tuple[int, int]:
    """Add the terms cut:end to the scores of the documents that they can still lift over the threshold.

    All documents take a step of the binary search in a list before any takes the next: so their waits for memory
    overlap, and no branch is mispredicted.

    Returns:
        How many are left, and lookups made.
    """
    documents, scores, places = scratch.alive, scratch.partial, scratch.places
    looked_up = 0
    for entry in range(cut, end):
        low, kept = threshold * (1.0 - ROUNDING) - bound, np.uint64(0)
        for candidate in range(alive):
            document, score = documents[candidate], scores[candidate]
            documents[kept], scores[kept] = document, score
            kept += np.uint64(score > low)
        alive = int(kept)
        if not alive:
            break
        term, weight = asked.terms[entry], np.float64(asked.weights[entry])
        bound -= weight * np.float64(index.maxima[block, term])
        start, stop = index.offsets[block, term], index.offsets[block, term + 1]
        if start == stop:
            continue
        near, values = index.documents[start:stop], index.weights[start:stop]
        looked_up += alive
        for candidate in range(alive):
            places[candidate] = 0
        width = np.uint64(len(near))
        while width > np.uint64(1):
            half = width >> np.uint64(1)
            for candidate in range(alive):
                place = np.uint64(places[candidate])
                places[candidate] = place + half * np.uint64(near[place + half - np.uint64(1)] < documents[candidate])
            width -= half
        for candidate in range(alive):
            place = np.uint64(places[candidate])
            scores[candidate] += weight * np.float64(values[place]) * np.float64(near[place] == documents[candidate])
    return alive, looked_up


@kernel(nogil=True)
def _append(
    scratch: Scratch, alive: int, first: int, depth: int, threshold: float, best: Best, query: int
) -> tuple[int, float]:
    """Append survivors above the threshold to a query's candidates, cut back to `depth` when these are full.

    Returns:
        The number of candidates and the threshold.
    """
    scores, numbers = best.scores[query], best.numbers[query]
    count = best.counts[query]
    for survivor in range(alive):
        if scratch.partial[survivor] > threshold:
            if count == len(scores):
                threshold = _cut(scores, numbers, depth)
                count = depth
            scores[count] = scratch.partial[survivor]
            numbers[count] = first + np.int64(scratch.alive[survivor])
            count += 1
    return count, threshold


@kernel(nogil=True)
def _next_share(share: float, looked_up: int, saved: int) -> float:
    """The share for the next block: more of the threshold while lookups are few, much less when they cost too much."""
    cost = looked_up * LOOKUP / saved
    if cost > 0.7:
        return share / 2.0
    if cost > 0.35:
        return max(share - STEP, share / 2.0)
    return min(share + STEP, MOST_SHARE) if cost < 0.12 else share


@kernel(nogil=True)
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


@kernel(nogil=True)
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


@kernel(nogil=True)
def _least(scores: NDArray[np.float64], depth: int) -> float:
    """The `depth`-th largest of the scores [C].

    They are counted into buckets of equal width, and only the one that holds the answer is partitioned: partitioning
    all of them costs a mispredicted branch for every other score, four times as much.
    """
    low, high = scores.min(), scores.max()
    scale = (BUCKETS - 1) / (high - low) if high > low else np.inf
    if scale == np.inf:
        return _ranked(scores.copy(), len(scores) - depth)
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
    return _ranked(inside[: sizes[bucket]], sizes[bucket] - rank)


@kernel(nogil=True)
def _ranked(values: NDArray[np.float64], place: int) -> float:
    """The value that would stand at `place` [0 … C - 1] if the values [C] ascended; they are reordered.

    Hoare's selection. numba's own `np.partition` takes 5 of the 10 seconds in which this module is compiled.
    """
    low, high = 0, len(values) - 1
    while low < high:
        pivot = values[(low + high) >> 1]
        left, right = low, high
        while left <= right:
            while values[left] < pivot:
                left += 1
            while values[right] > pivot:
                right -= 1
            if left <= right:
                values[left], values[right] = values[right], values[left]
                left += 1
                right -= 1
        if right < place < left:
            break
        if place <= right:
            high = right
        else:
            low = left
    return float(values[place])
