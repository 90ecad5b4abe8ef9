"""Ids, order and scores of a search against a brute force, over the cases that break other engines."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rescalade.errors import UserError
from rescalade.retrieval import document_ids
from rescalade.retrieval.block import BLOCK_DOCUMENTS, blocks
from rescalade.retrieval.index import build_index
from rescalade.retrieval.search import _batches, search
from rescalade.retrieval.storage import write_index
from rescalade.vectors.vectors import SparseVectors
from support.vectors import Row, brute_force, row, shards, sparse, vectors


@st.composite
def collections(draw: st.DrawFn) -> tuple[SparseVectors, SparseVectors, int]:
    """Documents, queries and a vocabulary: few distinct weights, so ties, duplicates and equal scores are common, some
    texts empty, some terms nowhere; up to enough documents that candidates are cut back while searching."""
    vocabulary = draw(st.sampled_from([4, 12, 300, 250_000]))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    weights = draw(st.sampled_from([[1.0], [0.5, 1.0], [0.1, 0.7, 1.3, 3.8], None]))
    share = draw(st.sampled_from([0.05, 0.3, 1.0]))

    def texts(count: int, prefix: str) -> SparseVectors:
        rows: list[Row] = []
        for _ in range(count):
            size = int(random.binomial(min(vocabulary, 14), share))
            terms = random.choice(min(vocabulary, 40), min(size, vocabulary), replace=False) * max(1, vocabulary // 40)
            drawn = random.lognormal(-0.7, 0.8, len(terms)) if weights is None else random.choice(weights, len(terms))
            rows.append(dict(zip(terms.tolist(), drawn.tolist(), strict=True)))
        copies = draw(st.sampled_from([1, 3]))  # every document three times: the first copy must win
        return vectors(rows * copies, prefix)

    return texts(draw(st.sampled_from([1, 2, 30, 130, 500])), "d"), texts(draw(st.integers(1, 3)), "q"), vocabulary


@settings(max_examples=80, deadline=None)
@given(
    data=collections(),
    depth=st.sampled_from([1, 3, 10, 100, 5000]),
    cuts=st.sampled_from([1, 3, 10]),
    block=st.sampled_from([1, 37, 400, 16_000_000]),
    threads=st.sampled_from([1, 2, 5]),
)
def test_ids_order_and_scores_equal_brute_force(
    data: tuple[SparseVectors, SparseVectors, int], depth: int, cuts: int, block: int, threads: int
) -> None:
    documents, queries, vocabulary = data
    if vocabulary * len(documents) > 10_000_000:
        block = max(block, 400)  # a table of blocks x 250,000 terms is no test of anything
    index = build_index(shards(documents, cuts), vocabulary, block_postings=block)
    found = search(index, queries, depth, threads)
    assert len(found) == len(queries)
    for number, (documents_found, scores) in enumerate(found):
        expected = brute_force(documents, row(queries, number), depth)
        assert documents_found.tolist() == expected[0]
        assert scores.tolist() == expected[1]  # the same order of additions of exact products: the same bits


ONE, TWO = {1: 1.0}, {1: 1.0, 2: 0.5}
CASES: dict[str, tuple[list[Row], list[Row], int, list[list[int]]]] = {
    "empty documents": ([{}, ONE, {}, ONE, {}], [ONE], 10, [[1, 3]]),
    "empty corpus": ([], [ONE, {}], 10, [[], []]),
    "nothing but empty documents": ([{}, {}], [ONE], 10, [[]]),
    "empty query between others": ([ONE, TWO], [ONE, {}, {2: 1.0}], 10, [[0, 1], [], [1]]),
    "no match": ([ONE], [{3: 1.0}], 10, [[]]),
    "all scores equal": ([ONE] * 900, [ONE], 5, [[0, 1, 2, 3, 4]]),
    "all scores equal, deep": ([ONE] * 900, [ONE], 333, [list(range(333))]),
    "duplicates": ([TWO, ONE] * 3, [TWO], 4, [[0, 2, 4, 1]]),
    "deeper than the corpus": ([ONE, TWO], [{2: 1.0, 1: 1.0}], 10**9, [[1, 0]]),
    "a weight of zero": ([{1: 0.0}, ONE], [ONE], 10, [[1]]),
    "a query weight of zero": ([ONE], [{1: 0.0}], 10, [[]]),
    "tiny weights": ([{1: 1e-38}, {1: 2e-38}], [{1: 1e-38}], 10, [[1, 0]]),
    "huge weights": ([{1: 3e38}, {1: 3.1e38}], [{1: 3e38}], 10, [[1, 0]]),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("block", [1, 16_000_000])
def test_cases_by_hand(case: str, block: int) -> None:
    documents, queries, depth, expected = CASES[case]
    index = build_index([vectors(documents)], 5, block_postings=block)
    assert [numbers.tolist() for numbers, _ in search(index, vectors(queries, "q"), depth)] == expected


def test_ties_across_blocks_of_full_size() -> None:
    count = 2 * BLOCK_DOCUMENTS + 7
    documents = SparseVectors(
        [str(number) for number in range(count)],
        np.arange(count + 1, dtype=np.int64),
        (np.arange(count) % 3).astype(np.int32),
        np.ones(count, np.float32),
    )
    index = build_index(shards(documents, 3), 3)
    assert np.diff(index.first).tolist() == [BLOCK_DOCUMENTS, BLOCK_DOCUMENTS, 7]
    ((numbers, scores),) = search(index, vectors([{1: 2.0}], "q"), 30_000)
    assert numbers.tolist() == list(range(1, count, 3))[:30_000]
    assert set(scores.tolist()) == {2.0}
    ((numbers, _),) = search(index, vectors([{0: 1.0, 1: 1.0, 2: 1.0}], "q"), 10**6)
    assert len(numbers) == count


def test_collapsed_vectors_fill_blocks_by_postings() -> None:
    random = np.random.default_rng(5)
    dense = random.random((60, 3000)).astype(np.float32)
    documents = sparse(dense)
    found = list(blocks([documents], 3000, 10_000))
    assert [len(block.ids) for block in found] == [4] * 15  # three of 3,000 do not reach 10,000, four do
    queries = sparse(random.random((2, 3000)).astype(np.float32), "q")
    for number, (numbers, scores) in enumerate(
        search(build_index([documents], 3000, block_postings=10_000), queries, 7)
    ):
        assert (numbers.tolist(), scores.tolist()) == brute_force(documents, row(queries, number), 7)


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), -0.5])
def test_a_document_with_a_broken_weight_is_named(weight: float) -> None:
    documents = vectors([ONE, TWO, {1: 1.0, 3: weight}, ONE])
    with pytest.raises(UserError, match=r"document 'd2': term 3 has weight"):
        build_index(shards(documents, 2), 5)


@pytest.mark.parametrize(("term", "vocabulary"), [(7, 5), (-1, 5)])
def test_a_document_of_another_vocabulary_is_named(term: int, vocabulary: int) -> None:
    with pytest.raises(UserError, match=rf"document 'd1': term {term} lies outside the vocabulary of 5"):
        build_index([vectors([ONE, {term: 1.0}])], vocabulary)


@pytest.mark.parametrize(
    ("query", "part"),
    [({9: 1.0}, "'q1': term 9 lies outside"), ({1: float("nan")}, "'q1': term 1 has weight nan"), ({1: -1.0}, "-1.0")],
)
def test_a_broken_query_is_named(query: Row, part: str) -> None:
    index = build_index([vectors([ONE])], 5)
    with pytest.raises(UserError, match=part):
        search(index, vectors([ONE, query], "q"), 10)


@pytest.mark.parametrize("where", [(0, 1), (1, 9), (4, 7)])
def test_an_id_that_stands_twice_is_named_with_its_places(where: tuple[int, int], tmp_path: Path) -> None:
    documents = vectors([ONE] * 10)
    documents.ids[where[1]] = documents.ids[where[0]]
    message = rf"document id 'd{where[0]}' occurs more than once \(documents {where[0]} and {where[1]}"
    with pytest.raises(UserError, match=message):
        build_index(shards(documents, 3), 5, block_postings=2)
    with pytest.raises(UserError, match=message):
        write_index(tmp_path / "index", shards(documents, 3), 5)
    assert not (tmp_path / "index" / "header.json").exists()


def test_ids_with_one_hash_are_no_repetition(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document_ids, "_hash", lambda text, lengths, hashes: hashes.fill(7))
    assert len(build_index([vectors([ONE] * 10)], 5)) == 10


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("count", [0, 1, 6, 500, 5000])
def test_threads_get_equal_shares_that_are_no_smaller_than_need_be(count: int, threads: int) -> None:
    ranges = _batches(count, 10, 1000, threads)
    sizes = [part.stop - part.start for part in ranges]
    assert [n for part in ranges for n in range(part.start, part.stop)] == list(range(count))
    assert max(sizes, default=0) <= 256 and len(set(sizes[:-1])) <= 1
    assert -(-len(ranges) // threads) == -(-count // (256 * threads))  # as few passes over the index as can be
    assert count < threads or max(sizes) < 2 * count / threads


def test_a_depth_of_nothing_is_refused() -> None:
    with pytest.raises(UserError, match="depth 0"):
        search(build_index([vectors([ONE])], 5), vectors([ONE], "q"), 0)
