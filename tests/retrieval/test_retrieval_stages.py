"""The stages index and search by command: what they make, and what they refuse in one line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from rescalade.cli import main
from rescalade.scoring.runfile import iterate_run
from rescalade.texts.collection import CORPUS, QRELS, Collection
from rescalade.texts.collection import QUERIES as QUERY
from rescalade.vectors.vectors import SparseVectors
from support.small_collections import write_collection
from support.vectors import Row, brute_force, row, shards, vectors, write_folder

CONFIG = str(Path(__file__).parents[2] / "config.yaml")
RUN, DATASET, VOCABULARY = "mini/bert-small/k1/seed1", "pydoc", 80  # pydoc retrieves 100


def texts(count: int, prefix: str, seed: int) -> SparseVectors:
    random = np.random.default_rng(seed)
    rows: list[Row] = [
        {int(t): float(random.lognormal()) for t in random.choice(VOCABULARY, 10, replace=False)} for _ in range(count)
    ]
    return vectors(rows, prefix)


DOCUMENTS, QUERIES = texts(250, "d", 1), texts(9, "q", 2)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "results" / "runs" / RUN
    write_folder(folder / "vectors" / DATASET, shards(DOCUMENTS, 3), QUERIES, VOCABULARY)
    return folder


def call(stage: str, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["rescalade", stage, RUN, DATASET, "--config", CONFIG, *options])
        with pytest.raises(SystemExit) as ended:
            main()
    lines = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("INFO")]
    return int(ended.value.code or 0), "\n".join(lines)


def test_from_vectors_to_a_run_file(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("index", capsys, "--memory-mb", "1") == (0, "")
    results = []
    for threads in ("1", "3"):
        assert call("search", capsys, "--threads", threads) == (0, "")
        results.append((run / "retrieved" / f"{DATASET}.trec.gz").read_bytes())
    assert results[0] == results[1]
    found = dict(iterate_run(run / "retrieved" / f"{DATASET}.trec.gz"))
    for number, name in enumerate(QUERIES.ids):
        numbers, scores = brute_force(DOCUMENTS, row(QUERIES, number), 100)
        assert found[name] == [(f"d{n}", score) for n, score in zip(numbers, scores, strict=True)]
    timings = json.loads((run / "retrieved" / f"{DATASET}.json").read_text())
    size = 2500 * 6 + 8 * (VOCABULARY + 1) + 4 * VOCABULARY + 8 * VOCABULARY + 8 * 2
    assert timings["index_bytes"] == size and timings["queries_per_second"] > 0


def test_scores_hold_the_sparsity_of_the_vectors(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for stage in ("index", "search"):
        assert call(stage, capsys) == (0, "")
    judged = [{"query_id": name, "document_id": f"d{n}", "grade": 1} for n, name in enumerate(QUERIES.ids)]
    data = Path("results") / "data" / DATASET
    data.mkdir(parents=True)
    write_collection(
        data,
        Collection(
            pa.Table.from_pylist([{"id": name, "title": "", "text": "x"} for name in DOCUMENTS.ids], schema=CORPUS),
            pa.Table.from_pylist([{"id": name, "text": "x", "group": ""} for name in QUERIES.ids], schema=QUERY),
            pa.Table.from_pylist(judged, schema=QRELS),
        ),
    )
    assert call("score", capsys) == (0, "")
    scores = json.loads((run / "scores" / f"{DATASET}.json").read_text())
    assert (scores["run"], scores["dataset"], scores["queries"], scores["documents"]) == (RUN, DATASET, 9, 250)
    timings = json.loads((run / "retrieved" / f"{DATASET}.json").read_text())
    assert {"schema_version": 1, **scores["timings"]} == timings
    measures = scores["sparsity"]
    share = [np.bincount(part.terms, minlength=VOCABULARY) / len(part) for part in (QUERIES, DOCUMENTS)]
    assert measures["flops"] == pytest.approx(share[0] @ share[1])
    mean = np.bincount(DOCUMENTS.terms, weights=DOCUMENTS.weights, minlength=VOCABULARY) / len(DOCUMENTS)
    assert measures["flops_regulariser_document"] == float(np.square(mean).sum())  # the same bits as in one piece
    assert measures["active_document"] == 10
    assert scores["encoding"]["state"] == "ok"


def test_a_truncated_shard_is_named(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = run / "vectors" / DATASET / "shard-00001.parquet"
    path.write_bytes(path.read_bytes()[:-100])
    status, line = call("index", capsys)
    assert status == 2 and "shard-00001.parquet" in line and line.count("\n") == 0
    assert not (run / "index").exists() or not list((run / "index").iterdir())


def test_a_mixed_vocabulary_is_named(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = vectors([{3: 1.0}, {VOCABULARY + 5: 1.0}], "other")
    write_folder(run / "vectors" / DATASET, [DOCUMENTS, other], QUERIES, VOCABULARY)
    status, line = call("index", capsys)
    assert status == 2 and "document 'other1': term 85 lies outside the vocabulary of 80" in line


@pytest.mark.parametrize(
    ("model", "documents", "part"),
    [("x" * 64, DOCUMENTS, "the index is of model mmmmmmmmmmmm"), ("m" * 64, texts(250, "d", 5), "other vectors")],
)
def test_an_index_of_other_vectors_is_refused_and_made_anew(
    model: str, documents: SparseVectors, part: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("index", capsys)[0] == 0
    write_folder(run / "vectors" / DATASET, shards(documents, 3), QUERIES, VOCABULARY, model)
    status, line = call("search", capsys)
    assert status == 2 and part in line and line.count("\n") == 0
    assert not (run / "retrieved" / f"{DATASET}.trec.gz").exists()
    assert call("index", capsys)[0] == 0
    assert call("search", capsys) == (0, "")


def test_a_damaged_index_is_named(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("index", capsys)[0] == 0
    path = run / "index" / DATASET / "weights.bin"
    content = bytearray(path.read_bytes())
    content[40] ^= 4
    path.write_bytes(content)
    status, line = call("search", capsys)
    assert status == 2 and "weights.bin: wrong checksum" in line and line.count("\n") == 0
