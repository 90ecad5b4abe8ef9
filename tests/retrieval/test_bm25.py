"""BM25 from disk against the library bm25s, values worked by hand, and what Anserini reaches on real collections."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import bm25s
import numpy as np
import pytest
import regex
import snowballstemmer
from bm25s.stopwords import STOPWORDS_EN

from rescalade.retrieval.bm25 import Bm25, rank_collection
from rescalade.retrieval.words import analyser_named, porter
from rescalade.scoring.measures import measure
from rescalade.scoring.score import score_queries, summarise
from rescalade.texts.analyser import AnalyserName
from rescalade.texts.collection import Collection, read_judgements
from support import real_data
from support.small_collections import collection, save

Found = tuple[list[int], list[float]]


def ours(
    texts: Sequence[str],
    queries: Sequence[str],
    depth: int,
    folder: Path,
    parts: int = 3,
    analyser: AnalyserName = "words",
) -> list[Found]:
    bounds = np.linspace(0, len(texts), parts + 1).astype(int)
    documents = (([f"d{n}" for n in range(a, b)], list(texts[a:b])) for a, b in pairwise(bounds.tolist()))
    folder.mkdir()
    index = Bm25(documents, [queries[:2], queries[2:]], folder, analyser)
    return [(numbers.tolist(), scores.tolist()) for numbers, scores in index.search(queries, depth)]


def plain_words(some: Sequence[str]) -> list[list[str]]:
    """As the library finds them by default."""
    found: list[list[str]] = bm25s.tokenize(list(some), return_ids=False, show_progress=False)
    return found


def lucene_words(some: Sequence[str]) -> list[list[str]]:
    """Lucene's chain of filters one after the other: Unicode's word boundaries by the library regex."""
    found = []
    for text in some:
        parts = (part for part in regex.split(r"(?V1)(?w)\b", text) if any(map(str.isalnum, part)))
        lower = [re.sub("['’]s$", "", part).lower() for part in parts]
        found.append([porter(word) for word in lower if word not in STOPWORDS_EN])
    return found


def theirs(
    texts: Sequence[str], queries: Sequence[str], depth: int, words: Callable[[Sequence[str]], list[list[str]]]
) -> list[Found]:
    """The library's matrix of weights, summed per query in float64 and fully sorted."""

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
BOTH: list[tuple[AnalyserName, Callable[[Sequence[str]], list[list[str]]]]] = [
    ("words", plain_words),
    ("english", lucene_words),
]


@pytest.mark.parametrize(("name", "words"), BOTH)
@pytest.mark.parametrize("parts", [1, 4])
@pytest.mark.parametrize("depth", [1, 3, 100])
def test_adversarial_texts_score_as_in_the_library(
    depth: int, parts: int, name: AnalyserName, words: Callable[[Sequence[str]], list[list[str]]], tmp_path: Path
) -> None:
    found = ours(ADVERSARIAL, QUERIES, depth, tmp_path / "x", parts, name)
    same(found, theirs(ADVERSARIAL, QUERIES, depth, words))
    assert found[2][0] == found[3][0] == found[4][0] == []
    assert found[5][0][:2] == [0, 4][:depth]  # equal texts: the lower number first


def real(load: Callable[[], Collection]) -> Collection:
    if not real_data.SHARED.is_dir():
        pytest.skip(f"{real_data.SHARED} is not there")
    return load()


@pytest.mark.parametrize("load", [real_data.vaswani, real_data.boolq])
def test_real_collections_score_as_in_the_library(load: Callable[[], Collection], tmp_path: Path) -> None:
    data = real(load)
    texts, queries = data.document_texts(), data.queries["text"].to_pylist()[:300]
    same(ours(texts, queries, 100, tmp_path / "x"), theirs(texts, queries, 100, plain_words))


def test_a_real_collection_in_lucenes_words_scores_as_in_the_library(tmp_path: Path) -> None:
    """Vaswani, whose texts have none of the signs that the two ways to find words see differently."""
    data = real(real_data.vaswani)
    texts, queries = data.document_texts(), data.queries["text"].to_pylist()
    found = ours(texts, queries, 100, tmp_path / "x", analyser="english")
    same(found, theirs(texts, queries, 100, lucene_words))


@pytest.mark.parametrize(
    ("load", "name", "least", "most"),
    [
        # Anserini 1.x, BM25 "flat" with its default analyser: SciFact .679
        (real_data.scifact, "english", 0.67, 0.69),
        (real_data.vaswani, "english", 0.43, 0.45),
        (real_data.scifact, "words", 0.65, 0.66),
        (real_data.vaswani, "words", 0.38, 0.39),
    ],
)
def test_ndcg_on_real_collections(
    load: Callable[[], Collection], name: AnalyserName, least: float, most: float, tmp_path: Path
) -> None:
    save(tmp_path / "data", real(load))
    scratch = tmp_path / "x"
    scratch.mkdir()
    ranked = dict(rank_collection(tmp_path / "data", scratch, 1000, analyser=name))
    values = score_queries(read_judgements(tmp_path / "data"), ranked, [measure("nDCG@10")])
    assert least <= summarise(values, {})[0]["nDCG@10"] <= most


def english(text: str) -> list[str]:
    return re.findall(analyser_named("english").pattern, text.lower())


def test_words_by_hand() -> None:
    """What Unicode's word boundaries and EnglishPossessiveFilter make of each."""
    assert english("O'Neil's U.S.A. don't; it's 3.14 1,000 x-ray") == [
        "o'neil", "u.s.a", "don't", "it", "3.14", "1,000", "x", "ray"
    ]  # fmt: skip
    assert english("john's.car café’s the dogs' 's a_b ___ c++ 2nd 1.a a.1") == [
        "john's.car", "café", "the", "dogs", "s", "a_b", "c", "2nd", "1", "a", "a", "1"
    ]  # fmt: skip
    assert english("") == english(" -'. ") == []


@pytest.mark.parametrize("load", [real_data.scifact, real_data.vaswani, real_data.cranfield])
def test_words_of_real_texts_are_those_of_unicodes_boundaries(load: Callable[[], Collection]) -> None:
    """But for superscripts, which are digits here, and the library's own rule for a quote before a word."""
    data = real(load)
    total = other = 0
    for text in data.document_texts():
        expected = [
            re.sub("['’]s$", "", part)
            for part in regex.split(r"(?V1)(?w)\b", text.lower())
            if any(map(str.isalnum, part))
        ]
        total += len(expected)
        other += len(set(expected) ^ set(english(text)))
    assert total > 200_000 and other / total < 3e-4


def test_stems_are_porters_with_his_later_rules() -> None:
    # from the sample vocabulary that Porter gives with his program
    assert [porter(word) for word in ("caresses", "ponies", "relational", "generalizations", "oscillators")] == [
        "caress", "poni", "relat", "gener", "oscil"
    ]  # fmt: skip
    assert [porter(word) for word in ("possibly", "possible", "incredibly", "incredible")] == [
        "possibl", "possibl", "incred", "incred"
    ]  # fmt: skip
    assert porter("archaeology") == "archaeolog", "logi becomes log after a vowel and a consonant"
    assert porter("biology") == "biologi", "not after b and a row of vowels"
    assert [porter(word) for word in ("us", "is", "as")] == ["us", "is", "as"], "two letters stay as they are"
    # the 1980 algorithm, which is the library's, without these
    stem = snowballstemmer.stemmer("porter").stemWord
    assert [stem(word) for word in ("us", "possibly", "archaeology")] == ["u", "possibli", "archaeologi"]


def test_the_same_stem_is_one_word(tmp_path: Path) -> None:
    texts = ["networks are trained", "training a network's layers", "a train", "x"]
    found = ours(texts, ["the trained network", "x rays"], 10, tmp_path / "x", analyser="english")
    assert [numbers for numbers, _ in found] == [[0, 1, 2], [3]]
    plain = ours(texts, ["the trained network", "x rays"], 10, tmp_path / "y")
    assert [sorted(numbers) for numbers, _ in plain] == [[0, 1], []]


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
