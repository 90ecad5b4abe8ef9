"""Near-duplicate documents, found exactly by shingles, an inverted index and prefix filtering."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import chain
from operator import itemgetter

from rescalade.data.pydoc.words import words

SHINGLE_WORDS = 5

# 0.7 * 90 is not exactly 63 in floating point: sizes are whole numbers, so this slack decides nothing else.
_SLACK = 1e-9


def shingles(text: str) -> frozenset[tuple[str, ...]]:
    """All runs of five words of a text; a text of fewer words is its own single shingle."""
    found = words(text)
    if len(found) < SHINGLE_WORDS:
        return frozenset([tuple(found)])
    return frozenset(zip(*(found[start:] for start in range(SHINGLE_WORDS)), strict=False))


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
    frequency = Counter(chain.from_iterable(sets))
    repeated = sorted((item for item in frequency.items() if item[1] > 1), key=itemgetter(1))
    rank = {shingle: place for place, (shingle, _) in enumerate(repeated)}
    index: dict[int, list[int]] = defaultdict(list)
    # A shingle of one document alone matches nothing: it counts in the sizes and need not be stored.
    sizes = [len(own) for own in sets]
    ranks = [frozenset(map(rank.__getitem__, rank.keys() & own)) for own in sets]
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
