"""Near-duplicate documents, found exactly by shingles, an inverted index and prefix filtering."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

from rescalade.data.pydoc.words import words

SHINGLE_WORDS = 5

# 0.7 * 90 is not exactly 63 in floating point: sizes are whole numbers, so this slack decides nothing else.
_SLACK = 1e-9


def shingles(text: str) -> frozenset[str]:
    """All runs of five words of a text; a text of fewer words is its own single shingle."""
    found = words(text)
    last = max(1, len(found) - SHINGLE_WORDS + 1)
    return frozenset(" ".join(found[start : start + SHINGLE_WORDS]) for start in range(last))


def near_duplicates(documents: Sequence[str], threshold: float) -> list[bool]:
    """Mark every document that is too similar to an earlier one that is itself not marked.

    Similarity is the Jaccard coefficient of the sets of five-word shingles. The result is exact, not estimated: sets
    x and y with |x & y| / |x | y| >= t share an element among the first |x| - ceil(t |x|) + 1 of each, when both are
    sorted by one global order (prefix filtering; Bayardo, Ma and Srikant, "Scaling up all pairs similarity search",
    WWW 2007). The rarest shingles come first in that order, so few candidates remain to be compared.

    Args:
        documents: The documents, in the order of preference.
        threshold: Least similarity that counts as duplicate, in (0, 1].

    Returns:
        One flag for each document. Any two unmarked documents are less similar than the threshold.
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"near_duplicate: expected a number in (0, 1], found {threshold}. Give a Jaccard coefficient.")
    sets = [shingles(document) for document in documents]
    frequency = Counter(shingle for own in sets for shingle in own)
    repeated = sorted((count, shingle) for shingle, count in frequency.items() if count > 1)
    rank = {shingle: place for place, (_, shingle) in enumerate(repeated)}
    index: dict[int, list[int]] = defaultdict(list)
    # A shingle of one document alone matches nothing: it counts in the sizes and need not be stored.
    sizes = [len(own) for own in sets]
    ranks = [frozenset(rank[shingle] for shingle in own if shingle in rank) for own in sets]
    marks: list[bool] = []
    for number, (size, own) in enumerate(zip(sizes, ranks, strict=True)):
        length = size - math.ceil(threshold * size - _SLACK) + 1
        prefix = sorted(own)[: max(0, length - (size - len(own)))]
        candidates = {other for place in prefix for other in index[place]}
        marked = any(_similar(own, size, ranks[other], sizes[other], threshold) for other in candidates)
        marks.append(marked)
        if not marked:
            for place in prefix:
                index[place].append(number)
    return marks


def _similar(one: frozenset[int], size: int, other: frozenset[int], other_size: int, threshold: float) -> bool:
    if min(size, other_size) < threshold * max(size, other_size) - _SLACK:
        return False
    common = len(one & other)
    return common >= threshold * (size + other_size - common) - _SLACK
