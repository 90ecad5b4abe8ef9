"""Exact retrieval against a float64 brute force, and the files it reads and writes."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rescalade.encoding.vectors import SparseVectors, concatenate, read_vectors, write_vectors
from rescalade.errors import UserError
from rescalade.retrieval.bm25 import Bm25
from rescalade.retrieval.index import build_index
from rescalade.retrieval.runfile import read_run, write_run
from rescalade.retrieval.search import search
from rescalade.retrieval.storage import load_index, save_index

VOCABULARY = 12


def sparse(dense: NDArray[np.float32], prefix: str = "d") -> SparseVectors:
    rows = [np.flatnonzero(row) for row in dense]
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    terms = np.concatenate([np.zeros(0, np.int64), *rows]).astype(np.int32)
    weights = np.concatenate([np.zeros(0, np.float32), *(dense[i, row] for i, row in enumerate(rows))])
    return SparseVectors([f"{prefix}{i}" for i in range(len(dense))], offsets, terms, weights.astype(np.float32))


def brute_force(documents: NDArray[np.float32], query: NDArray[np.float32], depth: int) -> list[tuple[int, float]]:
    scored = []
    for number, document in enumerate(documents):
        total = 0.0
        for term in range(VOCABULARY):
            total += float(query[term]) * float(document[term])
        if total > 0:
            scored.append((number, total))
    return sorted(scored, key=lambda pair: (-pair[1], pair[0]))[:depth]


@st.composite
def collections(draw: st.DrawFn) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Few distinct weights, so that ties, duplicates, empty texts and equal scores are common."""
    weight = st.sampled_from([0.0, 0.0, 0.0, 0.5, 1.0, 1.3])
    row = st.lists(weight, min_size=VOCABULARY, max_size=VOCABULARY)
    documents = draw(st.lists(row, min_size=1, max_size=30))
    queries = draw(st.lists(row, min_size=1, max_size=4))
    return np.array(documents, np.float32), np.array(queries, np.float32)


@settings(max_examples=150, deadline=None)
@given(data=collections(), depth=st.integers(1, 40), cuts=st.integers(1, 4))
def test_ids_order_and_scores_equal_brute_force_for_any_sharding(
    data: tuple[NDArray[np.float32], NDArray[np.float32]], depth: int, cuts: int
) -> None:
    documents, queries = data
    whole = sparse(documents)
    parts = [sparse(part) for part in np.array_split(documents, cuts) if len(part)]
    for shards in ([whole], parts):
        index = build_index(shards, VOCABULARY)
        for ranking, query in zip(search(index, sparse(queries), depth), queries, strict=True):
            expected = brute_force(documents, query, depth)
            assert ranking[0].tolist() == [number for number, _ in expected]
            assert ranking[1].tolist() == [score for _, score in expected]  # same order of additions: same bits


def test_depth_beyond_the_corpus_gives_what_matches() -> None:
    index = build_index([sparse(np.eye(3, VOCABULARY, dtype=np.float32))], VOCABULARY)
    (ranking,) = search(index, sparse(np.ones((1, VOCABULARY), np.float32)), 1000)
    assert ranking[0].tolist() == [0, 1, 2]


def test_a_term_outside_the_vocabulary_is_refused() -> None:
    with pytest.raises(UserError, match="vocabulary"):
        build_index([sparse(np.ones((1, VOCABULARY), np.float32))], VOCABULARY - 1)


def test_index_survives_the_disk_and_notices_damage(tmp_path: Path) -> None:
    documents = np.random.default_rng(0).random((20, VOCABULARY)).astype(np.float32)
    documents[documents < 0.6] = 0
    built = build_index([sparse(documents)], VOCABULARY)
    save_index(tmp_path, built)
    loaded = load_index(tmp_path)
    assert list(loaded.ids) == built.ids
    assert np.array_equal(loaded.weights, built.weights)
    path = tmp_path / "weights.bin"
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(UserError, match=r"weights\.bin has .* bytes"):
        load_index(tmp_path)


def test_vectors_survive_the_disk(tmp_path: Path) -> None:
    documents = np.random.default_rng(1).random((9, VOCABULARY)).astype(np.float32)
    documents[documents < 0.5] = 0
    documents[4] = 0
    before = sparse(documents)
    write_vectors(tmp_path / "v.parquet", before)
    after = read_vectors(tmp_path / "v.parquet")
    assert after.ids == before.ids
    for name in ("offsets", "terms", "weights"):
        assert np.array_equal(getattr(after, name), getattr(before, name))
    joined = concatenate([after, after])
    assert joined.postings == 2 * before.postings and joined.offsets[-1] == joined.postings


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), -1.0, 0.0])
def test_a_weight_that_is_none_names_its_text(weight: float, tmp_path: Path) -> None:
    vectors = SparseVectors(
        ["good", "bad"], np.array([0, 1, 2]), np.array([1, 2], np.int32), np.array([1, weight], np.float32)
    )
    with pytest.raises(UserError, match="'bad'"):
        write_vectors(tmp_path / "v.parquet", vectors)


def test_run_files_are_stable_and_readable(tmp_path: Path) -> None:
    rankings = [("q1", [("d2", 1.5), ("d1", 0.1 + 0.2)]), ("q2", [])]
    first, second = tmp_path / "a.trec.gz", tmp_path / "b.trec.gz"
    write_run(first, rankings, "tag")
    write_run(second, rankings, "tag")
    assert first.read_bytes() == second.read_bytes()
    assert gzip.decompress(first.read_bytes()).decode().splitlines()[0] == "q1 Q0 d2 1 1.5 tag"
    assert read_run(first) == {"q1": [("d2", 1.5), ("d1", 0.1 + 0.2)]}


def test_a_run_cannot_hold_white_space_in_ids_and_a_torn_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="white space"):
        write_run(tmp_path / "x.trec.gz", [("q", [("a b", 1.0)])], "tag")
    assert not list(tmp_path.iterdir())  # nothing half-written stays
    path = tmp_path / "y.trec.gz"
    write_run(path, [("q", [(f"d{i}", 1.0 / (i + 1)) for i in range(200)])], "tag")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match=r"y\.trec\.gz"):
        read_run(path)


def test_bm25_ranks_the_document_with_the_rare_word_first() -> None:
    texts = ["apple banana cherry", "apple banana grape", "apple zebra grape"]
    numbers, scores = Bm25(texts).search(["zebra grape", "nothing matches"], 10)
    assert numbers[0, 0] == 2 and scores[0, 0] > scores[0, 1] > 0
    assert (scores[1] == 0).all()
    assert numbers.shape == (2, 3)
