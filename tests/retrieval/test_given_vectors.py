"""Vectors that others have written: the same ranking from every form, and what is no vector."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rescalade.errors import UserError
from rescalade.export.ciff import write_ciff
from rescalade.retrieval.given_stage import TakeVectorsSettings, run_take_vectors
from rescalade.retrieval.given_vectors import given_documents, given_queries
from rescalade.retrieval.index import build_index
from rescalade.scoring.runfile import iterate_run
from rescalade.scoring.scores import SearchedVectors
from rescalade.stage import Call
from rescalade.vectors.vectors import SparseVectors
from support.small_collections import collection, save

Texts = dict[str, dict[str, int]]


def invented(prefix: str, count: int, rng: np.random.Generator) -> Texts:
    """Whole weights of a few of 30 terms; the terms are called by numbers, as our own export calls them."""
    return {
        f"{prefix}{number}": {
            str(term): int(rng.integers(1, 300)) for term in rng.choice(30, rng.integers(1, 9), False)
        }
        for number in range(count)
    }


DOCUMENTS, QUERIES = invented("d", 60, np.random.default_rng(1)), invented("q", 7, np.random.default_rng(2))


def json_file(path: Path, texts: Texts, key: str = "id") -> Path:
    lines = [json.dumps({key: name, "contents": "", "vector": vector}) for name, vector in texts.items()]
    path.parent.mkdir(parents=True, exist_ok=True)
    content = "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def ciff_file(path: Path, texts: Texts) -> Path:
    rows = [sorted((int(term), weight) for term, weight in vector.items()) for vector in texts.values()]
    offsets = np.cumsum([0, *map(len, rows)]).astype(np.int64)
    terms, weights = (np.array([pair[side] for row in rows for pair in row]) for side in (0, 1))
    vectors = SparseVectors(list(texts), offsets, terms.astype(np.int32), weights.astype(np.float32))
    write_ciff(path, build_index([vectors], 30, block_postings=50), "theirs")
    return path


def form(folder: Path, kind: str) -> Path:
    """The documents in one of the forms."""
    if kind == "folder":
        names = list(DOCUMENTS)
        for number, part in enumerate((names[:20], names[20:])):
            json_file(folder / "docs" / f"part{number}.jsonl.gz", {name: DOCUMENTS[name] for name in part}, "docid")
        return folder / "docs"
    if kind == "ciff.gz":
        path = ciff_file(folder / "plain.ciff", DOCUMENTS)
        path.with_name("packed.ciff.gz").write_bytes(gzip.compress(path.read_bytes()))
        return path.with_name("packed.ciff.gz")
    return ciff_file(folder / "docs.ciff", DOCUMENTS) if kind == "ciff" else json_file(folder / "docs.jsonl", DOCUMENTS)


def taken(folder: Path, documents: Path, queries: Path, **changes: Any) -> tuple[dict[str, Any], SearchedVectors]:
    judged = {(query, "d0"): 1 for query in QUERIES}
    texts = collection(dict.fromkeys(DOCUMENTS, "text"), dict.fromkeys(QUERIES, "text"), judged)
    data = save(folder / "data", texts)
    inputs = {"manifest": data / "manifest.json"}
    outputs = {"retrieved": folder / "out.gz", "searched": folder / "out.json", "record": folder / "record.json"}
    settings = TakeVectorsSettings(
        **{"depth": 10, "drop_identical_ids": False, **changes}, documents=str(documents), queries=str(queries)
    )
    run_take_vectors(settings, inputs, outputs, Call("take-vectors", names={"given": "theirs"}))
    return dict(iterate_run(outputs["retrieved"])), SearchedVectors.read(outputs["searched"])


@pytest.mark.parametrize("kind", ["file", "folder", "ciff", "ciff.gz"])
def test_every_form_gives_the_ranking_of_all_products(tmp_path: Path, kind: str) -> None:
    found, searched = taken(tmp_path, form(tmp_path, kind), json_file(tmp_path / "q.jsonl", QUERIES, "_id"))
    for query, own in QUERIES.items():
        scores = {d: sum(w * vector.get(term, 0) for term, w in own.items()) for d, vector in DOCUMENTS.items()}
        order = sorted((d for d in scores if scores[d] > 0), key=lambda d: (-scores[d], list(DOCUMENTS).index(d)))
        assert found.get(query, []) == [(d, float(scores[d])) for d in order[:10]]
    lengths = [len(vector) for vector in DOCUMENTS.values()]
    assert searched.sparsity.active_document == pytest.approx(np.mean(lengths))
    shares = [
        {t: np.mean([str(t) in vector for vector in texts.values()]) for t in range(30)}
        for texts in (QUERIES, DOCUMENTS)
    ]
    assert searched.sparsity.flops == pytest.approx(sum(shares[0][t] * shares[1][t] for t in range(30)))


def test_terms_of_a_text_count_as_often_as_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "topics.tsv"
    path.write_text("q1\tred red apple\nq2\tpie\n")
    vocabulary: dict[str, int] = {}
    found = given_queries(path, vocabulary)
    assert vocabulary == {"red": 0, "apple": 1, "pie": 2}
    assert (found.ids, found.terms.tolist(), found.weights.tolist()) == (["q1", "q2"], [0, 1, 2], [2.0, 1.0, 1.0])


def test_the_first_document_and_large_gaps_are_read_from_ciff(tmp_path: Path) -> None:
    texts = {f"d{number}": {"7": 200 + number} for number in range(300)} | {"last": {"0": 70000}}
    found = given_documents(ciff_file(tmp_path / "x.ciff", texts), {})
    assert found.ids == list(texts) and found.weights.tolist() == [*range(200, 500), 70000]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"id": "d1"}', "line 1: `vector` is expected"),
        ('{"id": "d1", "vector": {"a": -1}}', "term 'a': a weight of at least 0"),
        ('{"id": "d1", "vector": {"a": "x"}}', "found 'x'"),
        ('{"vector": {"a": 1}}', "id is expected"),
        ("", "no vector is in it"),
        ('{"id": "d1", "vector": {"a": 1}}\n{"id": "d1", "vector": {"a": 1}}', "'d1' stands twice"),
    ],
)
def test_what_is_no_vector_is_named(tmp_path: Path, line: str, words: str) -> None:
    path = tmp_path / "docs.jsonl"
    path.write_text(f"{line}\n")
    with pytest.raises(UserError, match=words):
        given_documents(path, {})


@pytest.mark.parametrize("cut", [3, 40, -1])
def test_a_ciff_file_that_is_cut_is_one_line(tmp_path: Path, cut: int) -> None:
    path = ciff_file(tmp_path / "x.ciff", DOCUMENTS)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(UserError, match="no whole CIFF file"):
        given_documents(path, {})


def number(value: int) -> bytes:
    """A varint."""
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + number(rest) if rest else bytes([low])


def message(content: bytes) -> bytes:
    return number(len(content)) + content


def hand_made_ciff(path: Path, lists: list[tuple[str, list[tuple[int, int]]]], names: list[tuple[int, str]]) -> Path:
    """A file with exactly these postings (gap, weight) and documents (number, name); fields of value 0 are left out."""

    def fields(first: int, second: int) -> bytes:
        return (b"\x08" + number(first) if first else b"") + (b"\x10" + number(second) if second else b"")

    content = message(b"\x08\x01\x10" + number(len(lists)) + b"\x18" + number(len(names)))
    for term, postings in lists:
        inside = b"".join(b"\x22" + message(fields(*posting)) for posting in postings)
        content += message(b"\x0a" + message(term.encode()) + b"\x10" + number(len(postings)) + inside)
    for place, name in names:
        content += message(fields(place, 0) + b"\x12" + message(name.encode()))
    path.write_bytes(content)
    return path


def test_weights_of_0_are_read_from_ciff_however_many(tmp_path: Path) -> None:
    count = 3000
    postings = [(min(place, 1), 0 if place % 2 else place + 1) for place in range(count)]
    names = [(place, f"d{place}") for place in range(count)]
    found = given_documents(hand_made_ciff(tmp_path / "x.ciff", [("t", postings)], names), {})
    assert found.weights.tolist() == [0 if place % 2 else place + 1 for place in range(count)]


@pytest.mark.parametrize(
    ("lists", "names", "words"),
    [
        ([("t", [(0, 1), (2, 2)])], [(0, "a"), (1, "b")], "term 't' is in document number 2, of 2"),
        ([("t", [(1, 1), (0, 2)])], [(0, "a"), (1, "b")], "documents of term 't' do not ascend"),
        ([("t", [(0, 1)]), ("t", [(0, 2)])], [(0, "a")], "term 't' stands twice"),
        ([("t", [(0, 1)])], [(0, "a"), (0, "b")], "document number 0 stands twice"),
    ],
)
def test_a_ciff_file_that_contradicts_itself_is_one_line(
    tmp_path: Path, lists: list[tuple[str, list[tuple[int, int]]]], names: list[tuple[int, str]], words: str
) -> None:
    with pytest.raises(UserError, match=words):
        given_documents(hand_made_ciff(tmp_path / "x.ciff", lists, names), {})


def test_more_documents_than_a_ciff_file_has_bytes_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.ciff").write_bytes(message(b"\x08\x01\x18" + number(10**15)))
    with pytest.raises(UserError, match="1000000000000000 documents are said"):
        given_documents(tmp_path / "x.ciff", {})


def test_vectors_of_something_else_are_refused(tmp_path: Path) -> None:
    queries = json_file(tmp_path / "q.jsonl", QUERIES)
    others = json_file(tmp_path / "o.jsonl", {f"x{number}": {"1": 1} for number in range(3)})
    with pytest.raises(UserError, match="3 of its 3 vectors are of no documents of data set data, such as 'x0'"):
        taken(tmp_path, others, queries)
    with pytest.raises(UserError, match="are of no queries"):
        taken(tmp_path, form(tmp_path, "file"), others)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no vectors are there"):
        given_documents(tmp_path / "empty", {})
