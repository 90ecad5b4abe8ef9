"""The protocol of a data set by command: documents shared with another, identical ids, grades, no judgements."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from rescalade.atomic import read_json, sha256, write_json
from rescalade.retrieval import ranker
from rescalade.retrieval.index import build_index
from rescalade.retrieval.ranker import Ranker
from rescalade.scoring.runfile import iterate_run, write_run
from rescalade.texts.collection import read_collection
from rescalade.texts.triple_files import read_triples
from rescalade.vectors.manifest_file import DataDigests
from rescalade.vectors.vectors import QUERIES, CorpusShards
from support.commands import call, run
from support.encoding import save_data, save_model
from support.oracle import write_tables
from support.shipped import shipped
from support.small_collections import collection
from support.texts import TEXTS
from support.vectors import shards, vectors, write_folder

RUN = "mini/bert-small/k1/seed1"


def configure(folder: Path, **changes: dict[str, Any]) -> None:
    """The shipped configuration with changed data sets; a new one takes pydoc's source."""
    values = shipped()
    values["retrieval"] = {"shard_documents": 10, "document_length": 16, "query_length": 8}
    for name, keys in changes.items():
        values["datasets"][name] = {**values["datasets"]["pydoc"], **keys}
    (folder / "config.yaml").write_text(yaml.safe_dump(values, sort_keys=False))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("model") / "model")


@pytest.fixture
def folder(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A trained run, `pydoc` with 25 documents, and `other` with the same documents and two queries of its own."""
    configure(tmp_path, other={"corpus": "pydoc"})
    (tmp_path / "results" / "runs" / RUN).mkdir(parents=True)
    (tmp_path / "results" / "runs" / RUN / "model").symlink_to(model)
    data = save_data(tmp_path / "results" / "data" / "pydoc")
    other = data.with_name("other")
    other.mkdir()
    own = collection({}, {"p0": TEXTS[7][:20], "p1": TEXTS[9][:20]}, {("p0", "d7"): 1, ("p1", "d9"): 1})
    write_tables(other, own)
    (other / "corpus.parquet").unlink()
    os.link(data / "corpus.parquet", other / "corpus.parquet")
    manifest = read_json(other / "manifest.json")
    manifest["sha256"]["corpus.parquet"] = sha256(other / "corpus.parquet")
    write_json(other / "manifest.json", {**manifest, "counts": {**manifest["counts"], "documents": 25}})
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_shared_corpus_is_encoded_and_indexed_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = folder / "results" / "runs" / RUN
    run("encode", RUN, "other")  # in either order
    status, lines = call(capsys, "search", RUN, "other")
    assert status == 2 and "index/pydoc is missing" in lines[-1]
    for stage in ("encode", "index"):
        run(stage, RUN, "pydoc")
    assert {path.name for path in (place / "vectors" / "other").iterdir()} == {QUERIES, "manifest.json", "record.json"}
    assert read_json(place / "vectors" / "other" / "manifest.json")["corpus"] == "pydoc"
    shared = CorpusShards(place / "vectors" / "other")
    assert shared.folder.name == "pydoc" and shared.documents == 25
    status, lines = call(capsys, "index", RUN, "other")
    assert status == 2 and f"run `rescalade index {RUN} pydoc`" in lines[-1]
    status, lines = call(capsys, "encode", RUN, "other", "--shard", "0")
    assert status == 2 and "encode its shards" in lines[-1]
    for stage in ("search", "score"):
        run(stage, RUN, "other")
    assert [path.name for path in (place / "index").iterdir()] == ["pydoc"]
    # the same as a data set that encodes the documents itself
    configure(folder, other={})
    for stage in ("encode", "index", "search"):
        own = (place / "retrieved" / "other.trec.gz").read_bytes()
        run(stage, RUN, "other")
    assert own == (place / "retrieved" / "other.trec.gz").read_bytes() and len(own) > 200
    scores = read_json(place / "scores" / "other.json")
    assert (scores["documents"], scores["queries"]) == (25, 2)
    assert scores["encoding"]["state"] == shared.manifest.state == "saturated"  # untrained
    assert scores["encoding"]["active_terms"] == pytest.approx(scores["sparsity"]["active_document"])


def test_a_question_to_a_shared_corpus_is_answered_from_its_index(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (("encode", RUN, "other"), ("encode", RUN, "pydoc"), ("index", RUN, "pydoc")):
        run(*words)
    found = []
    for name in ("pydoc", "other"):
        capsys.readouterr()
        run("search", RUN, TEXTS[3], "--dataset", name, "--json")
        found.append(json.loads(capsys.readouterr().out))
    assert found[0] == found[1]


def test_documents_that_are_not_the_same_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "results" / "data" / "pydoc" / "manifest.json"
    manifest = read_json(path)
    manifest["sha256"]["corpus.parquet"] = "0" * 64
    write_json(path, manifest)
    status, lines = call(capsys, "encode", RUN, "other")
    assert status == 2 and "datasets.other.corpus names pydoc, but their documents differ" in lines[-1]


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"model": "x" * 64}, "model mmmm"),
        ({"tokenizer": "x" * 64}, "tokenizer tttt"),
        ({"data": DataDigests(corpus="x" * 64, queries="q" * 64)}, "corpus cccc"),
        ({"corpus": "third"}, "holds no documents but those of third"),
    ],
)
def test_vectors_that_do_not_belong_together_are_refused(change: dict[str, Any], part: str, tmp_path: Path) -> None:
    documents, queries = vectors([{1: 1.0}]), vectors([{1: 1.0}], "q")
    write_folder(tmp_path / "x", [], queries, 5, corpus="y")
    write_folder(tmp_path / "y", [documents], queries, 5)
    assert next(iter(CorpusShards(tmp_path / "x"))).ids == ["d0"]
    write_folder(tmp_path / "y", [documents], queries, 5, **change)
    with pytest.raises(Exception, match=part):
        CorpusShards(tmp_path / "x")


@pytest.mark.parametrize("slice_queries", [2, 4096])
def test_a_query_is_no_answer_to_itself(slice_queries: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranker, "SLICE_QUERIES", slice_queries)
    random = np.random.default_rng(1)
    texts = vectors([{int(t): float(random.random()) for t in random.choice(9, 4, replace=False)} for _ in range(30)])
    index = build_index(shards(texts, 2), 9)
    whole = dict(Ranker(index, 30).rankings(texts))
    without = dict(Ranker(index, 7, drop_identical_ids=True).rankings(texts))
    assert list(without) == texts.ids
    for name, hits in without.items():
        assert name in {document for document, _ in whole[name]}
        assert hits == [hit for hit in whole[name] if hit[0] != name][:7]


@pytest.fixture
def ranked(folder: Path) -> Path:
    """Grades 1 and 2, and a ranking with the document of grade 1 first; the run is BM25, which is not encoded."""
    data = folder / "results" / "data" / "pydoc"
    write_tables(data, collection({"a": "x", "b": "y"}, {"q": "x"}, {("q", "a"): 1, ("q", "b"): 2}))
    write_run(folder / "results" / "bm25" / "retrieved" / "pydoc.trec.gz", [("q", [("a", 2.0), ("b", 1.0)])], "t")
    return folder


@pytest.mark.parametrize(("grade", "mrr"), [(1, 1.0), (2, 0.5)])
def test_the_grade_from_which_a_document_counts_is_the_data_sets(grade: int, mrr: float, ranked: Path) -> None:
    configure(ranked, pydoc={"minimum_grade": grade})
    (ranked / "results" / "data" / "pydoc" / "corpus.parquet").unlink()  # a ranking is scored without the texts
    run("score", "bm25", "pydoc")
    found = read_json(ranked / "results" / "bm25" / "scores" / "pydoc.json")
    assert found["metrics"]["MRR@10"] == mrr
    assert found["metrics"]["nDCG@10"] == pytest.approx((1 + 2 / np.log2(3)) / (2 + 1 / np.log2(3)))
    assert (found["documents"], found["encoding"]) == (2, None)


def test_measures_that_the_data_set_asks_for_are_scored_by_query_too(ranked: Path) -> None:
    configure(ranked, pydoc={"measures": ["P@2", "AP", "P(rel=2)@2", "RR@10"], "minimum_grade": 1})
    run("score", "bm25", "pydoc")
    scores = ranked / "results" / "bm25" / "scores"
    found = read_json(scores / "pydoc.json")["metrics"]
    assert list(found) == sorted(found) and set(found) == {
        "MRR@10", "nDCG@10", "Recall@100", "P@2", "AP", "P(rel=2)@2",
    }  # fmt: skip
    assert (found["P@2"], found["AP"], found["P(rel=2)@2"]) == (1.0, 1.0, 0.5)  # grades 1 and 2, in this order
    (query,) = pq.read_table(scores / "pydoc.per-query.parquet").to_pylist()
    assert query == {"query_id": "q", "group": query["group"], **found}


def test_a_data_set_without_judgements_is_one_line(ranked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_tables(ranked / "results" / "data" / "pydoc", collection({"a": "x"}, {"q": "x"}, {}))
    status, lines = call(capsys, "score", "bm25", "pydoc")
    assert status == 2 and len(lines) == 1 and "pydoc has no judgements" in lines[0]


def test_bm25_by_command_leaves_nothing_behind(ranked: Path) -> None:
    data = ranked / "results" / "data" / "pydoc"
    write_tables(data, collection({"a": "red pie", "b": "blue pie"}, {"a": "red pie", "z": "pie"}, {("a", "b"): 1}))
    configure(ranked, pydoc={"drop_identical_ids": True})
    run("bm25", "pydoc")
    found = iterate_run(ranked / "results" / "bm25" / "retrieved" / "pydoc.trec.gz")
    assert {query: [name for name, _ in hits] for query, hits in found} == {"a": ["b"], "z": ["a", "b"]}
    assert not list((ranked / "results" / "bm25" / "retrieved").glob(".*"))
    assert len(read_collection(data).corpus) == 2


def test_a_query_is_no_negative_of_itself_by_command(ranked: Path) -> None:
    data = ranked / "results" / "data" / "pydoc"
    texts = {"a": "red pie", "b": "blue pie", "c": "whale"}
    write_tables(data, collection(texts, {"a": "red pie"}, {("a", "c"): 1}))
    for drop, negative in ((False, "a"), (True, "b")):
        configure(ranked, pydoc={"drop_identical_ids": drop})
        values = yaml.safe_load((ranked / "config.yaml").read_text())
        values["recipes"]["mini"]["mining"] = {"negatives": 1, "depth": 1}
        (ranked / "config.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
        run("triples", "pydoc", "--recipe", "mini")
        assert [row["negative_id"] for row in read_triples(data / "triples-mini.parquet").to_pylist()] == [negative]
        assert read_json(data / "triples-mini.record.json")["settings"]["drop_identical_ids"] is drop


def test_a_collapsed_encoding_reaches_the_scores(folder: Path) -> None:
    data = folder / "results" / "data" / "pydoc"
    write_tables(data, collection({"d0": "x"}, {"q0": "x"}, {("q0", "d0"): 1}))
    place = folder / "results" / "runs" / RUN
    texts = vectors([{1: 1.0}]), vectors([{1: 1.0}], "q")
    write_folder(place / "vectors" / "pydoc", texts[:1], texts[1], 5, state="saturated", bounded_shards=1)
    for stage in ("index", "search", "score"):
        run(stage, RUN, "pydoc")
    found = read_json(place / "scores" / "pydoc.json")["encoding"]
    assert (found["state"], found["bounded_shards"]) == ("saturated", 1)


def test_the_effect_of_fewer_bytes_is_printed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (("encode", RUN, "pydoc"), ("encode", RUN, "other")):
        run(*words)
    capsys.readouterr()
    run("effect", RUN, "other", "--weights", "relative8")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["MRR@10", "float32", "relative8"]
    assert "overlap@10" in lines[0] and float(lines[1].split()[3]) == 1.0
    run("effect", RUN, "other", "--json")
    found = json.loads(capsys.readouterr().out)
    assert list(found) == ["float32", "int100", "relative8"]
    assert found["relative8"]["bytes_per_posting"] < found["float32"]["bytes_per_posting"]
    status, lines = call(capsys, "effect", RUN, "other", "--weights", "int8")
    assert status == 2 and "expected int100 or relative8" in lines[-1]


def test_the_effect_on_weights_that_are_gone_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = folder / "results" / "runs" / RUN / "vectors" / "pydoc"
    write_folder(place, [vectors([{1: 1.0}])], vectors([{1: 1.0}], "q"), 5, weights="relative8")
    status, lines = call(capsys, "effect", RUN, "pydoc")
    assert status == 2 and "is stored as relative8 already" in lines[-1]
