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
