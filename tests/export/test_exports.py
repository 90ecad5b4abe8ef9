"""Exports read back by parsers of their own: the same top 10, or the difference that the record states."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from rescalade.cli import main
from rescalade.errors import UserError
from rescalade.export.texts import write_parts
from rescalade.export.write import NAMES, export
from rescalade.vectors.vectors import SparseVectors
from support.export_readers import READERS, Texts, bodies, read_ciff
from support.vectors import Row, brute_force, row, shards, vectors, write_folder

VOCABULARY = 400


def texts(count: int, size: int, prefix: str, seed: int) -> SparseVectors:
    """Weights as SPLADE's: log-normal, saturated, some so small that 100 w rounds to 0."""
    random = np.random.default_rng(seed)
    rows: list[Row] = []
    for _ in range(count):
        terms = np.unique((VOCABULARY * random.random(size) ** 3).astype(int))
        weights = np.log1p(np.exp(random.normal(-1, 1.6, len(terms)))) * 1.6
        rows.append(dict(zip(terms.tolist(), weights.astype(np.float32).tolist(), strict=True)))
    return vectors(rows, prefix)


DOCUMENTS = texts(300, 40, "d", 1)
DOCUMENTS = SparseVectors(
    [*(f'd"{n}\\ü' for n in range(298)), "empty", "last"], DOCUMENTS.offsets, DOCUMENTS.terms, DOCUMENTS.weights
)
QUERIES = texts(25, 12, "q", 2)


def ranked(documents: Texts, query: Row) -> list[str]:
    """Names of the ten best, lower positions first among ties."""
    scores = [
        (-sum(query[term] * text[term] for term in sorted(query) if term in text), number, name)
        for number, (name, text) in enumerate(documents.items())
    ]
    return [name for score, _, name in sorted(scores)[:10] if score < 0]


@pytest.mark.parametrize("name", NAMES)
def test_an_engine_reads_back_the_same_ranking_or_the_stated_difference(name: str, tmp_path: Path) -> None:
    record = export(tmp_path, name, shards(DOCUMENTS, 3), QUERIES, VOCABULARY)
    documents, queries = READERS[name](tmp_path)
    assert list(documents) == DOCUMENTS.ids and list(queries) == QUERIES.ids
    scale = 1 if name == "seismic" else 100
    for number, identity in enumerate(DOCUMENTS.ids):
        expected = {t: w if scale == 1 else round(100 * w) for t, w in row(DOCUMENTS, number).items()}
        assert documents[identity] == {term: weight for term, weight in expected.items() if weight}
    exact = [[DOCUMENTS.ids[n] for n in brute_force(DOCUMENTS, row(QUERIES, q), 10)[0]] for q in range(len(QUERIES))]
    theirs = [ranked(documents, query) for query in queries.values()]
    if name == "seismic":
        assert theirs == exact and record["weights"] == "float32"
        return
    overlap = np.mean([len({*a} & {*b}) / len(a) for a, b in zip(exact, theirs, strict=True)])
    assert 0.9 < overlap == pytest.approx(record["effect"]["overlap@10"])
    same = np.mean([a == b for a, b in zip(exact, theirs, strict=True)])
    assert same == pytest.approx(record["effect"]["same@10"])
    kept = sum(map(len, documents.values()))
    assert record["postings"] == kept
    assert record["postings_rounded_to_0"] == DOCUMENTS.postings - kept > 0
    assert record["largest_weight"] == max(max(text.values(), default=0) for text in documents.values())
    assert json.loads((tmp_path / "export.json").read_text()) == record
    assert not (tmp_path / "indexes").exists()


def test_more_than_nine_bits_are_said(tmp_path: Path) -> None:
    assert export(tmp_path, "opensearch", [DOCUMENTS], QUERIES, VOCABULARY)["nine_bits_exact"] is (
        float(DOCUMENTS.weights.max()) * 100 < 511.5
    )
    for name, exact in (("opensearch", False), ("elasticsearch", False), ("anserini", True), ("ciff", True)):
        (tmp_path / name).mkdir()
        record = export(tmp_path / name, name, [DOCUMENTS], QUERIES, VOCABULARY, scale=1000)
        assert record["nine_bits_exact"] is exact and record["largest_weight"] > 511


def test_parts_end_where_they_are_full(tmp_path: Path) -> None:
    assert write_parts(tmp_path, "p{}", [b"aaa", b"bbb", b"c", b"dd"], part_bytes=4) == 2
    assert [path.read_bytes() for path in sorted(tmp_path.iterdir())] == [b"aaabbb", b"cdd"]
    assert write_parts(tmp_path / "none", "p{}", []) == 1


def test_an_engine_that_reads_one_file_gets_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rescalade.export.write.PART_BYTES", 1000)
    for name, files in (("anserini", 300), ("seismic", 1)):
        folder = tmp_path / name
        folder.mkdir()
        export(folder, name, [DOCUMENTS], QUERIES, VOCABULARY)
        written = [path for path in folder.rglob("*.jsonl") if path.name != "queries.jsonl"]
        assert (len(written) > 10) is (files > 1) and sum(len(p.read_text().splitlines()) for p in written) == 300


@pytest.mark.parametrize(
    ("largest", "parts", "written"), [(0.64, 1, 64), (0.65, 2, 32.5), (1.28, 2, 64), (1.29, 4, 32.25)]
)
def test_query_weights_above_what_opensearch_takes_are_divided(
    largest: float, parts: int, written: float, tmp_path: Path
) -> None:
    query = SparseVectors(["q"], np.array([0, 2]), np.array([3, 9], np.int32), np.array([largest, 0.03], np.float32))
    record = export(tmp_path, "opensearch", [DOCUMENTS], query, VOCABULARY)
    tokens = bodies(tmp_path / "queries.jsonl")["q"]["query"]["neural_sparse"]["terms"]["query_tokens"]
    assert tokens == {"3": written, "9": 3 / parts}
    assert record["query_weights"] == ("round(100 w)" if parts == 1 else f"round(100 w) / {parts}")


@pytest.mark.parametrize("name", ["anserini", "ciff", "vespa"])
def test_a_query_without_terms_is_no_topic(name: str, tmp_path: Path) -> None:
    """One such line makes Anserini refuse the file and BMP panic."""
    asked = vectors([{3: 1.0}, {}, {3: 0.001}, {7: 0.02, 9: 0.01}], "q")
    record = export(tmp_path, name, [DOCUMENTS], asked, VOCABULARY)
    queries = READERS[name](tmp_path)[1]
    written = {"q0": {3: 100}, "q3": {7: 2, 9: 1}}
    assert queries == (written if name != "vespa" else {"q0": {3: 100}, "q1": {}, "q2": {}, "q3": {7: 2, 9: 1}})
    assert record["queries_left_out"] == len(asked) - len(queries) and record["queries"] == 4


@pytest.mark.parametrize(
    ("name", "identity"), [("anserini", "a b"), ("anserini", ""), ("ciff", "a b"), ("ciff", "a:b"), ("ciff", "")]
)
def test_an_id_that_topics_cannot_hold_is_named(name: str, identity: str, tmp_path: Path) -> None:
    queries = SparseVectors([identity], np.array([0, 1]), np.array([3], np.int32), np.array([1], np.float32))
    with pytest.raises(UserError, match=f"query '{identity}'"):
        export(tmp_path, name, [DOCUMENTS], queries, VOCABULARY)


def one(name: str) -> SparseVectors:
    """A corpus of one document of that id."""
    return SparseVectors([name], np.array([0, 1]), np.array([3], np.int32), np.array([1], np.float32))


@pytest.mark.parametrize(
    ("form", "identity", "said"),
    [
        ("vespa", "a\fb", r"'a\\x0cb': its id holds U\+000C"),
        ("vespa", "x\0y", r"U\+0000"),
        ("vespa", "\ufffe", r"U\+FFFE"),
        ("vespa", "\U0003ffff", r"U\+3FFFF"),
        ("opensearch", "L" * 513, "its id has 513 bytes, opensearch takes 512"),
        ("elasticsearch", "é" * 257, "its id has 514 bytes, elasticsearch takes 512"),
        ("anserini", "L" * 32_767, "32,767 bytes, anserini takes 32,766"),
        ("seismic", "", "a document's id is empty"),
    ],
)
def test_an_id_that_an_engine_refuses_is_named(form: str, identity: str, said: str, tmp_path: Path) -> None:
    """In whichever shard it is."""
    with pytest.raises(UserError, match=said):
        export(tmp_path, form, [DOCUMENTS, one(identity)], QUERIES, VOCABULARY)


@pytest.mark.parametrize(
    ("form", "identity"),
    [
        ("vespa", "tab\there, \x7f, ü and \U0001f600"),
        ("opensearch", "é" * 256),
        ("elasticsearch", "a\fb"),
        ("ciff", "L" * 600),
    ],
)
def test_ids_that_an_engine_takes_are_left_alone(form: str, identity: str, tmp_path: Path) -> None:
    export(tmp_path, form, [one(identity)], QUERIES, VOCABULARY)
    assert list(READERS[form](tmp_path)[0]) == [identity]


@pytest.mark.parametrize("form", ["anserini", "opensearch", "elasticsearch", "vespa", "ciff"])
def test_queries_of_more_terms_than_lucene_takes_are_counted(
    form: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    asked = vectors([dict.fromkeys(range(1025), 1.0), dict.fromkeys(range(1024), 1.0), {3: 1.0}], "q")
    record = export(tmp_path, form, [DOCUMENTS], asked, 2000)
    if form in ("vespa", "ciff"):
        assert "queries_above_limit" not in record and not caplog.records
        return
    assert (record["query_terms"], record["query_terms_limit"], record["queries_above_limit"]) == (1025, 1024, 1)
    assert "1 queries have more than 1024 terms" in caplog.text


def test_texts_that_a_scale_leaves_without_a_weight_are_counted_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    corpus = vectors([{3: 2.0}, {3: 0.04, 5: 0.03}, {}], "d")
    record = export(tmp_path, "vespa", shards(corpus, 2), vectors([{3: 0.04}, {3: 1.0}, {}], "q"), VOCABULARY, scale=10)
    assert (record["documents_emptied"], record["queries_emptied"]) == (1, 1)  # those that had nothing do not count
    assert "no weight is left of 1 documents and 1 queries" in caplog.text and "--scale" in caplog.text
    caplog.clear()
    assert export(tmp_path, "vespa", [DOCUMENTS], QUERIES, VOCABULARY)["queries_emptied"] == 0 and not caplog.records


def test_a_scale_beyond_what_float32_counts_is_refused(tmp_path: Path) -> None:
    assert export(tmp_path, "ciff", [one("a")], QUERIES, VOCABULARY, scale=1e6)["largest_weight"] < 2**24
    with pytest.raises(UserError, match="choose a smaller --scale"):
        export(tmp_path, "ciff", [one("a")], QUERIES, VOCABULARY, scale=2**24 + 1)


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["rescalade", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
    captured = capsys.readouterr()
    return int(ended.value.code or 0), captured.out, captured.err


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_folder(tmp_path / "vectors", shards(DOCUMENTS, 2), QUERIES, VOCABULARY)
    status, shown, _ = call(capsys, "export", "vectors", "--format", "ciff", "--out", "out")
    assert status == 0 and json.loads(shown)["effect"]["queries"] == 25
    assert read_ciff(tmp_path / "out")[0].keys() == set(DOCUMENTS.ids)
    assert call(capsys, "export", "vectors", "--format", "vespa", "--out", "out")[0] == 0  # an export is replaced
    assert not (tmp_path / "out" / "index.ciff").exists()
    for arguments, part in [
        (["vectors", "--format", "solr", "--out", "new"], "unknown format 'solr'; known: anserini"),
        (["vectors", "--format", "ciff", "--out", "vectors"], "other than an export"),
        (["elsewhere", "--format", "ciff", "--out", "new"], "needs --dataset"),
        (["r/b/k1/seed1", "--dataset", "d", "--format", "ciff", "--out", "new"], "manifest.json is missing"),
        (["vectors", "--format", "ciff", "--out", "new", "--scale", "0"], "above 0"),
    ]:
        status, _, errors = call(capsys, "export", *arguments)
        assert status == 2 and part in errors and errors.count("\n") == 1
    assert not (tmp_path / "new").exists()
