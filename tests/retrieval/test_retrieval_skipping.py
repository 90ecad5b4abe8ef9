"""Terms that a search leaves out of a block: in which order, that it does, and that nothing is lost by it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rescalade.retrieval.index import InvertedIndex, build_index
from rescalade.retrieval.search import in_order, search
from rescalade.retrieval.storage import load_index, write_index
from rescalade.vectors.vectors import SparseVectors
from support.vectors import Row, brute_force, row, shards, vectors


def skewed(seed: int, count: int, ties: bool) -> tuple[SparseVectors, SparseVectors]:
    """Frequent terms of little weight and rare ones of much, as SPLADE vectors have; with `ties` of few weights."""
    random = np.random.default_rng(seed)

    def text(frequent: float, rare: int, low: float) -> Row:
        terms = [*np.flatnonzero(random.random(8) < frequent), *random.choice(np.arange(8, 60), rare, replace=False)]
        weights = random.choice([0.5, 1.0, 1.5], len(terms)) if ties else random.lognormal(-0.5, 0.6, len(terms))
        return {int(t): float(w) * (low if t < 8 else 1.0) for t, w in zip(terms, weights, strict=True)}

    documents = [text(0.6, int(random.integers(0, 4)), 1.0) for _ in range(count)]
    return vectors(documents), vectors([text(0.7, 2, low) for low in (0.02, 0.1, 0.25, 1.0)], "q")


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    ties=st.booleans(),
    depth=st.sampled_from([1, 2, 10, 40]),
    block=st.sampled_from([60, 300, 1500]),
)
def test_many_blocks_and_a_small_depth_equal_brute_force(seed: int, ties: bool, depth: int, block: int) -> None:
    documents, queries = skewed(seed, 1200, ties)
    index = build_index(shards(documents, 2), 60, block_postings=block)
    for number, (numbers, scores) in enumerate(search(index, queries, depth)):
        assert (numbers.tolist(), scores.tolist()) == brute_force(documents, row(queries, number), depth)


def test_frequent_terms_are_not_read_where_they_cannot_matter() -> None:
    """The lists of one are spoilt in later blocks; in the first ones they are needed, there is no threshold yet."""
    rows: list[Row] = [{0: 1.0, 1: 1.0, 2 + number % 400: 1.0} for number in range(4000)]
    rows[5] = rows[405] = {0: 1.0, 7: 9.0}
    documents, query = vectors(rows), vectors([{0: 0.01, 1: 0.01, 7: 1.0}], "q")
    index = build_index([documents], 402, block_postings=300)
    ((numbers, scores),) = search(index, query, 2)
    assert (numbers.tolist(), scores.tolist()) == brute_force(documents, row(query, 0), 2)
    assert numbers.tolist() == [5, 405]
    weights = index.weights.copy()
    for block in range(20, len(index.first) - 1):
        weights[index.offsets[block, 1] : index.offsets[block, 2]] = 1e6
    weights.setflags(write=False)
    ((again, _),) = search(replace(index, weights=weights), query, 2)
    assert again.tolist() == [5, 405]  # else every document of those blocks would come before them


def test_a_query_of_one_frequent_term_finds_better_documents_in_later_blocks() -> None:
    documents, query = vectors([{0: 1.0 + number / 4000} for number in range(4000)]), vectors([{0: 0.5}], "q")
    ((numbers, _),) = search(build_index([documents], 1, block_postings=300), query, 3)
    assert numbers.tolist() == [3999, 3998, 3997]


@pytest.mark.parametrize("where", ["memory", "disk"])
def test_the_largest_weights_and_frequencies_are_those_of_the_postings(where: str, tmp_path: Path) -> None:
    documents, _ = skewed(3, 200, ties=False)
    parts = shards(documents, 3)
    if where == "disk":
        write_index(tmp_path, parts, 61, memory_mb=1)
        index: InvertedIndex = load_index(tmp_path)
    else:
        index = build_index(parts, 61, block_postings=100)
    dense = np.zeros((len(documents), 61), np.float32)
    for number in range(len(documents)):
        for term, weight in row(documents, number).items():
            dense[number, term] = weight
    expected = [dense[a:b].max(axis=0) for a, b in zip(index.first, index.first[1:], strict=False)]
    assert np.array_equal(index.maxima, expected)
    assert index.frequencies.tolist() == (dense > 0).sum(axis=0).tolist()


def test_terms_are_added_from_the_most_weight_per_document() -> None:
    queries = vectors([{0: 1.0, 1: 3.0, 2: 4.0, 3: 0.0, 4: 2.0}, {}, {5: 9.0, 2: 1.0}, {5: 1.0}], "q")
    entries, terms, weights = in_order(queries, np.array([2, 3, 2, 1, 2, 0]))
    assert entries.tolist() == [0, 4, 4, 5, 5]
    assert terms.tolist() == [2, 1, 4, 0, 2]  # 4/2, 3/3, 2/2 (a tie: the lower term first), 1/2; none has term 5
    assert weights.tolist() == [4.0, 3.0, 2.0, 1.0, 1.0]
