"""BM25 from disk against the library bm25s, and against values worked by hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import bm25s
import numpy as np
import pytest

from rescalade.retrieval.bm25 import Bm25, rank_collection
from rescalade.retrieval.words import WORD
from rescalade.texts.collection import Collection
from support import real_data
from support.small_collections import collection, save

Found = tuple[list[int], list[float]]


def ours(texts: Sequence[str], queries: Sequence[str], depth: int, folder: Path, parts: int = 3) -> list[Found]:
    bounds = np.linspace(0, len(texts), parts + 1).astype(int)
    documents = (([f"d{n}" for n in range(a, b)], list(texts[a:b])) for a, b in pairwise(bounds.tolist()))
    folder.mkdir()
    index = Bm25(documents, [queries[:2], queries[2:]], folder)
    return [(numbers.tolist(), scores.tolist()) for numbers, scores in index.search(queries, depth)]


def theirs(texts: Sequence[str], queries: Sequence[str], depth: int) -> list[Found]:
    """The library's matrix of weights, summed per query in float64 and fully sorted."""

    def words(some: Sequence[str]) -> list[list[str]]:
        found: list[list[str]] = bm25s.tokenize(
            list(some), stopwords="en", token_pattern=WORD, return_ids=False, show_progress=False
        )
        return found

    index = bm25s.BM25(method="lucene", k1=0.9, b=0.4)
    index.index(words(texts), show_progress=False)
    weights, rows, starts = (index.scores[key] for key in ("data", "indices", "indptr"))
    found = []
    for query in words(queries):
        scores = np.zeros(len(texts))
        for word in query:
            if word in index.vocab_dict and index.vocab_dict[word] < len(starts) - 1:
                part = slice(*starts[index.vocab_dict[word] :][:2])
                scores[rows[part]] += weights[part].astype(np.float64)
        order = np.lexsort((np.arange(len(texts)), -scores))[:depth]
        order = order[scores[order] > 0]
        found.append((order.tolist(), scores[order].tolist()))
    return found


def same(left: list[Found], right: list[Found]) -> None:
    """Equal scores; equal documents too, but where two scores differ by the rounding of a sum in another order."""
    assert len(left) == len(right)
    close = 0
    for (numbers, scores), (expected, values) in zip(left, right, strict=True):
        assert scores == pytest.approx(values, rel=1e-6)
        if numbers != expected:
            assert any(0 < a - b < 1e-12 for a, b in pairwise(values))
            close += 1
    assert close <= len(left) / 50


ADVERSARIAL = ["red apple pie", "", "the of and", "apple apple apple banana", "red apple pie", "Ünïcode wörd_1 x y z"]
QUERIES = ["apple", "apple apple banana", "nothing common", "", "the", "red pie apple red", "ÜNÏCODE wörd_1"]


@pytest.mark.parametrize("parts", [1, 4])
@pytest.mark.parametrize("depth", [1, 3, 100])
def test_adversarial_texts_score_as_in_the_library(depth: int, parts: int, tmp_path: Path) -> None:
    found = ours(ADVERSARIAL, QUERIES, depth, tmp_path / "x", parts)
    same(found, theirs(ADVERSARIAL, QUERIES, depth))
    assert found[2][0] == found[3][0] == found[4][0] == []
    assert found[5][0][:2] == [0, 4][:depth]  # equal texts: the lower number first


@pytest.mark.parametrize("load", [real_data.vaswani, real_data.boolq])
def test_real_collections_score_as_in_the_library(load: Callable[[], Collection], tmp_path: Path) -> None:
    if not real_data.SHARED.is_dir():
        pytest.skip(f"{real_data.SHARED} is not there")
    data = load()
    texts, queries = data.document_texts(), data.queries["text"].to_pylist()[:300]
    same(ours(texts, queries, 100, tmp_path / "x"), theirs(texts, queries, 100))


def test_a_score_by_hand(tmp_path: Path) -> None:
    # apple is in one of two documents; lengths are 3 and 1 words, 2 on average
    ((numbers, (score,)),) = ours(["apple apple pie", "cake"], ["apple"], 10, tmp_path / "x")
    idf = math.log(1 + (2 - 1 + 0.5) / (1 + 0.5))
    assert numbers == [0]
    assert score == pytest.approx(idf * 2 / (0.9 * (0.6 + 0.4 * 3 / 2) + 2), rel=1e-6)


def test_nothing_at_all_has_no_answer(tmp_path: Path) -> None:
    assert ours(["the", ""], ["apple"], 10, tmp_path / "a") == [([], [])]
    assert ours([], ["apple"], 10, tmp_path / "b") == [([], [])]


def test_the_rare_word_counts_most(tmp_path: Path) -> None:
    texts = ["apple banana cherry", "apple banana grape", "apple zebra grape"]
    ((numbers, scores),) = ours(texts, ["zebra grape"], 10, tmp_path / "x")
    assert numbers == [2, 1] and scores[0] > scores[1] > 0


@pytest.mark.parametrize("drop", [False, True])
def test_a_query_is_no_answer_to_itself_where_the_protocol_says_so(drop: bool, tmp_path: Path) -> None:
    texts = {"a": "red apple pie", "b": "red apple", "c": "red apple cake pie", "e": "red"}
    save(tmp_path / "data", collection(texts, {"a": "red apple pie", "z": "red apple pie"}, {("a", "b"): 1}))
    found = {}
    for query, hits in rank_collection(tmp_path / "data", tmp_path / "x", 2, drop_identical_ids=drop):
        found[query] = [name for name, _ in hits]
    assert found == {"a": ["c", "b"] if drop else ["a", "c"], "z": ["a", "c"]}
