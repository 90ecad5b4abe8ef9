"""`rescalade evaluate`, from a folder of somebody's model and one of somebody's texts to the table."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from rescalade.atomic import read_json
from support.commands import call, run
from support.hub_models import tiny_checkpoint
from support.oracle import PUBLISHED
from support.real_data import SPLADE_TINY, cranfield
from support.texts import TEXTS


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model and six texts, each with its first words as a query; no config.yaml."""
    monkeypatch.chdir(tmp_path)
    tiny_checkpoint(tmp_path / "theirs")
    own = tmp_path / "own"
    (own / "qrels").mkdir(parents=True)
    texts = {f"d{number}": text for number, text in enumerate(TEXTS[:6])}
    rows = [{"_id": name, "text": text} for name, text in texts.items()]
    (own / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    queries = [{"_id": f"q{number}", "text": TEXTS[number][:30]} for number in range(6)]
    (own / "queries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in queries))
    judged = "".join(f"q{number}\td{number}\t1\n" for number in range(6))
    (own / "qrels" / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\n{judged}")
    return tmp_path


def table(path: Path) -> dict[str, dict[str, str]]:
    return {row["system"]: row for row in csv.DictReader(path.open())}


def test_a_model_and_a_folder_of_texts_are_enough(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("evaluate", "theirs", "--trained", "--datasets", "own", "--out", "table.csv")
    run(*words, "--page", "--measures", "AP")
    shown = capsys.readouterr()
    assert "Systems side by side" in shown.out and "1 of " in shown.err
    assert shown.err.splitlines()[-1] == "written: report/evaluate/index.html"
    found = table(folder / "table.csv")
    assert set(found) == {"bm25", "theirs"} and found["theirs"]["origin"] == "taken as it is"
    scores = read_json(folder / "results/runs/ready/theirs/k1/ready/scores/own.json")
    assert float(found["theirs"]["nDCG@10"]) == pytest.approx(scores["metrics"]["nDCG@10"], abs=1e-6)
    assert float(found["theirs"]["flops"]) == pytest.approx(scores["sparsity"]["flops"], rel=1e-5)
    assert "AP" in scores["metrics"]
    html = (folder / "report/evaluate/index.html").read_text()
    assert "rescalade evaluate theirs --trained --datasets own" in html
    run(*words, "--measures", "AP")
    assert capsys.readouterr().err.count(" of ") == 0  # nothing is made twice
    run("evaluate", "theirs", "--trained", "--datasets", "own", "--query-length", "4", "--measures", "AP")
    assert "encode ready/theirs" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("theirs", "--datasets", "own"), "trained: true"),
        (("thiers", "--datasets", "own"), "there is none of that name"),
        (("theirs", "--datasets", "own", "--against", "own/qrels/test.tsv"), "by an experiment with `runs`"),
        (("theirs", "--datasets", "owm"), "there is none of that name"),
        (("theirs", "--datasets", ""), "at least one data set"),
        (("theirs", "--datasets", "own", "--measures", "nDGC@10"), "nDCG@10"),
        (("mini/bert/k1/seed1", "--datasets", "own"), "train the run first"),
        (
            ("theirs", "--trained", "--datasets", "own", "--query-length", "5", "--published", "raedy"),
            "did you mean 'ready'",
        ),
    ],
)
def test_a_mistake_is_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], message: str
) -> None:
    status, lines = call(capsys, "evaluate", *words)
    assert status == 2 and message in lines[-1] and lines[-1].startswith("rescalade: error")
    assert len(lines) == 1 or message == "trained: true"  # which the files alone say; else nothing is made first


@pytest.mark.slow
@pytest.mark.skipif(not SPLADE_TINY.is_dir(), reason="the real model is not beside the repository")
def test_a_real_model_reaches_what_is_known_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found, own = cranfield(), tmp_path / "cranfield"
    assert (len(found.corpus), len(found.queries)) == (1400, 225)
    own.mkdir()
    for name in ("corpus", "queries"):
        rows = [{"_id": row["id"], **row} for row in getattr(found, name).to_pylist()]
        (own / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    judged = [f"{row['query_id']}\t{row['document_id']}\t{row['grade']}\n" for row in found.qrels.to_pylist()]
    (own / "qrels.tsv").write_text("".join(judged))
    lengths = ("--query-length", "64", "--document-length", "256")
    run("evaluate", str(SPLADE_TINY), "--trained", "--datasets", "./cranfield", "--out", "table.csv", *lengths)
    known = read_json(Path(__file__).parents[2] / "bench/results/collections.json")["cranfield"]["metrics"]
    row = table(tmp_path / "table.csv")["splade-tiny"]
    assert np.allclose([float(row[name]) for name in known], list(known.values()), atol=1e-4)
    # by sentence-transformers and pytrec_eval
    assert float(row["nDCG@10"]) == pytest.approx(PUBLISHED["cranfield"], abs=0.002)
    assert float(row["MRR@10"]) == pytest.approx(0.5334, abs=0.004)
    assert float(row["active_query"]) == pytest.approx(58.1, abs=0.1)
    assert float(row["active_document"]) == pytest.approx(230.3, abs=0.2)
