"""`rescalade encode` from the command line: texts of one's own, single shards, and its mistakes."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from rescalade.vectors import files
from rescalade.vectors.vectors import QUERIES, CorpusShards, read_vectors
from support.commands import call, run
from support.encoding import save_data, save_model
from support.shipped import shipped
from support.texts import TEXTS

RUN = "mini/bert-small/k1/seed1"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("model") / "model")


@pytest.fixture
def folder(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory in which a run is trained and a data set of 25 documents is there."""
    values = shipped()
    values["retrieval"] = {"shard_documents": 10, "document_length": 16, "query_length": 8}
    values["datasets"]["pydoc"]["documents"] = 25
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    (tmp_path / "results" / "runs" / RUN).mkdir(parents=True)
    (tmp_path / "results" / "runs" / RUN / "model").symlink_to(model)
    save_data(tmp_path / "results" / "data" / "pydoc")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def texts(path: Path, count: int = 7) -> Path:
    if path.suffix == ".tsv":
        path.write_text("".join(f"t{n}\t{TEXTS[n]}\r\n" for n in range(count)))
    else:
        rows = [{"_id": f"t{n}", "title": "", "text": TEXTS[n]} for n in range(count)]
        path.write_text("".join(json.dumps(row) + "\n\n" for row in rows))
    return path


def test_shards_one_by_one_then_the_whole(folder: Path) -> None:
    target = folder / "results" / "runs" / RUN / "vectors" / "pydoc"
    for shard in ("00002", "00000"):
        run("encode", RUN, "pydoc", "--shard", shard)
    work = folder / "results" / "runs" / RUN / "encoding" / "pydoc"
    assert {path.name for path in work.iterdir()} == {
        f"shard-0000{n}{end}" for n in (0, 2) for end in (".parquet", ".sha256")
    }
    inode = (work / "shard-00002.parquet").stat().st_ino
    run("encode", RUN, "pydoc")
    assert (target / "shard-00002.parquet").stat().st_ino == inode  # moved, not made again
    assert CorpusShards(target).documents == 25
    record = json.loads((target / "record.json").read_text())
    assert record["settings"]["weights"] == "auto" and record["settings"]["top_terms"] is None
    assert not work.parent.exists()
    assert list((folder / "results" / "tokens" / "pydoc").glob("*/0-10.npz"))


def test_a_count_that_is_wrong_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = yaml.safe_load((folder / "config.yaml").read_text())
    values["datasets"]["pydoc"]["documents"] = 24
    (folder / "config.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    status, lines = call(capsys, "encode", RUN, "pydoc")
    assert status == 2 and "datasets.pydoc.documents says 24, the corpus has 25" in lines[-1]


def test_a_full_disk_is_one_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*arguments: object, **options: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(files.pq, "write_table", full)
        status, lines = call(capsys, "encode", RUN, "pydoc")
    assert status == 2 and "shard-00000.parquet: No space left on device; free space" in lines[-1]
    assert not (folder / "results" / "runs" / RUN / "vectors").exists()
    run("encode", RUN, "pydoc")


def test_own_texts_need_a_model_folder_and_nothing_else(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # no config.yaml here
    arguments = ["--texts", str(texts(tmp_path / "a.tsv")), "--queries", str(texts(tmp_path / "q.jsonl", 3))]
    run("encode", str(model), *arguments, "--out", "found")
    shards = CorpusShards(tmp_path / "found")
    assert [name for shard in shards for name in shard.ids] == [f"t{n}" for n in range(7)]
    assert read_vectors(tmp_path / "found" / QUERIES).ids == ["t0", "t1", "t2"]
    assert shards.manifest.settings["document_length"] == 16  # what the model declares
    run("encode", str(model), "--texts", str(texts(tmp_path / "b.jsonl")), "--out", "same")
    first, second = (next(iter(CorpusShards(tmp_path / name))) for name in ("found", "same"))
    assert np.array_equal(first.terms, second.terms) and np.array_equal(first.weights, second.weights)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tsv", "b.jsonl", "found", "q.jsonl", "same"]


def test_own_texts_of_a_broken_model_are_refused_and_an_earlier_encoding_stays(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run of the pipeline whose weights are NaN is a result instead, see test_encoding_collapse."""
    monkeypatch.chdir(tmp_path)
    asked = ["--texts", str(texts(tmp_path / "a.tsv")), "--queries", str(texts(tmp_path / "q.jsonl", 3)), "--out", "o"]
    run("encode", str(model), *asked)
    before = sorted((path.name, path.stat().st_mtime_ns) for path in (tmp_path / "o").iterdir())
    broken = save_model(tmp_path / "broken", bias=float("nan"))
    status, lines = call(capsys, "encode", str(broken), *asked)
    lines = [line for line in lines if not line.startswith("encode ")]  # progress
    assert status == 2 and len(lines) == 1
    assert "10 of 10 texts: model " in lines[0] and "gives weights that are not finite" in lines[0]
    assert sorted((path.name, path.stat().st_mtime_ns) for path in (tmp_path / "o").iterdir()) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tsv", "broken", "o", "q.jsonl"]


def test_how_a_model_encodes_travels_with_it(folder: Path) -> None:
    how = {"query_length": 5, "document_length": 9, "pool_special_tokens": False, "precision": "bf16"}
    (folder / "results" / "runs" / RUN / "model").unlink()
    save_model(folder / "results" / "runs" / RUN / "model", **how)
    shutil.copytree(folder / "results" / "runs" / RUN / "model", folder / "elsewhere")
    for name in (RUN, f"results/runs/{RUN}", f"results/runs/{RUN}/model", "elsewhere"):
        run("encode", name, "--texts", str(texts(folder / "a.tsv")), "--out", "out")
        found = CorpusShards(folder / "out").manifest.settings
        assert {key: found[key] for key in how} == how


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("a\tone\nb two\n", "line 2: 1 column found, 2 (id, text) or 3 (id, title, text)"),
        ("a\tone\n\tnothing\n", "line 2: the id is empty"),
        ("a\tone\nb\ttwo\na\tthree\n", "line 3: id 'a' stands in line 1 already"),
        ("a\tone\n\udcff\tx\n", "line 2: not valid UTF-8"),
    ],
)
def test_bad_texts_are_named_by_their_line(
    content: str, part: str, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.tsv").write_bytes(content.encode("utf-8", "surrogateescape"))
    status, lines = call(capsys, "encode", str(model), "--texts", str(tmp_path / "a.tsv"), "--out", str(tmp_path / "o"))
    assert status == 2 and part in lines[-1]
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["MODEL", "--texts", "a.tsv"], "with --out FOLDER"),
        (["MODEL", "pydoc", "--texts", "a.tsv", "--out", "o"], "not both"),
        (["MODEL", "--texts", "b.jsonl", "--out", "o"], "line 1: not JSON"),
        (["MODEL", "--texts", "missing.tsv", "--out", "o"], "missing.tsv cannot be read"),
        (["MODEL", "--texts", "a.csv", "--out", "o"], "expected a file called .tsv"),
        (["MODEL", "--texts", "a.tsv", "--out", "full"], "holds no encoded texts"),
        (["nothing-here", "--texts", "a.tsv", "--out", "o"], "neither a model folder nor a run"),
        ([RUN, "--texts", "a.tsv", "--out", "o"], "train the run first"),
        (["full", "--texts", "a.tsv", "--out", "o"], "expected a model folder"),
    ],
)
def test_mistakes_with_own_texts(
    arguments: list[str],
    part: str,
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    texts(tmp_path / "a.tsv")
    (tmp_path / "b.jsonl").write_text("{\n")
    (tmp_path / "full").mkdir()
    status, lines = call(capsys, "encode", *[str(model) if word == "MODEL" else word for word in arguments])
    assert status == 2 and len(lines) == 1 and part in lines[0]
