"""Files of the user's: which of them count, that they count by content, and that nothing is read twice."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from rescalade.atomic import sha256
from rescalade.config import Config
from rescalade.models.model_files import model_files
from rescalade.paths import Paths
from rescalade.pipeline import user_files as module
from rescalade.pipeline.execute import execute
from rescalade.pipeline.graph import STAGES
from rescalade.pipeline.jobs import Job
from rescalade.pipeline.plan.todo import _current
from rescalade.pipeline.user_files import FileDigests, user_files
from rescalade.stage import Machine
from support.graph import Pipeline
from support.sources import config
from support.user_folders import beir


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return beir(tmp_path / "set")


def of_folder(folder: Path, **entry: str) -> Config:
    return config(x={"source": "files", "path": str(folder), "part": "test", **entry})


def contents(folder: Path, **entry: str) -> str:
    inputs = STAGES["collection"].inputs(of_folder(folder, **entry), {"dataset": "x"})
    return user_files(Paths(folder.parent / "results"), inputs).removeprefix("files: ")


def replace(folder: Path, file: str, old: str, new: str, *, keep_times: bool = False) -> None:
    """An edit in place."""
    path = folder / file
    before = path.stat()
    path.write_text(path.read_text().replace(old, new))
    if keep_times:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


FILES = ("corpus.jsonl", "queries.jsonl", "qrels/test.tsv")
EDITS: dict[str, tuple[Callable[[Path], object], bool]] = {
    "judgements in a sub-folder": (lambda at: replace(at, "qrels/test.tsv", "a\t2", "a\t1"), True),
    "a document": (lambda at: replace(at, "corpus.jsonl", "apples", "cherries"), True),
    "a query": (lambda at: replace(at, "queries.jsonl", "query 0", "question"), True),
    "the time set back": (lambda at: replace(at, "corpus.jsonl", "Blue", "Grey", keep_times=True), True),
    "queries that are preferred": (lambda at: (at / "queries-test.jsonl").write_text("{}"), True),
    "a file that is gone": (lambda at: (at / "corpus.jsonl").unlink(), True),
    "touched": (lambda at: os.utime(at / "corpus.jsonl"), False),
    "a stray file": (lambda at: (at / ".DS_Store").write_text("x"), False),
    "another part": (lambda at: (at / "qrels" / "dev.tsv").write_text("q2\tb\t1\n"), False),
    "queries of another part": (lambda at: (at / "queries-dev.jsonl").write_text("{}"), False),
    "a form that is not read": (lambda at: (at / "corpus.tsv").write_text("a\tx\n"), False),
}


@pytest.mark.parametrize("edit", EDITS)
def test_what_counts(folder: Path, edit: str) -> None:
    before, (change, counts) = contents(folder), EDITS[edit]
    change(folder)
    assert (contents(folder) != before) == counts


def test_the_corpus_of_another_set_is_not_read(folder: Path) -> None:
    whole, shared = (json.loads(contents(folder, **entry)) for entry in ({}, {"corpus": "text"}))
    assert set(whole) == set(FILES)
    assert set(shared) == set(whole) - {"corpus.jsonl"}
    assert all(digest == sha256(folder / name)[:16] for name, digest in whole.items())


def test_a_file_that_has_not_changed_is_read_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def counted(path: Path) -> str:
        read.append(path.name)
        return sha256(path)

    monkeypatch.setattr(module, "sha256", counted)
    monkeypatch.setattr(module, "UNSURE_SECONDS", -1.0)
    found = contents(folder)
    assert contents(folder) == found and len(read) == 3
    assert not (folder.parent / "results").exists(), "a dry run leaves nothing behind"
    (folder.parent / "results").mkdir()
    for reads in (3, 0, 0):
        del read[:]
        monkeypatch.setattr(FileDigests, "_read_here", {})  # another process
        assert contents(folder) == found and len(read) == reads
    replace(folder, "corpus.jsonl", "Blue", "Grey", keep_times=True)
    contents(folder)
    assert read == ["corpus.jsonl"]
    (folder.parent / "results" / ".config" / "user-files.json").write_text("{damaged")
    assert json.loads(contents(folder)) == {**json.loads(found), "corpus.jsonl": sha256(folder / "corpus.jsonl")[:16]}


def test_a_file_that_was_just_changed_is_read_again(tmp_path: Path) -> None:
    """Its next change could leave size and times as they are, where the clock of the file system is coarse."""
    (tmp_path / "results").mkdir()
    (tmp_path / "a").write_text("x")
    assert FileDigests(Paths(tmp_path / "results")).of(tmp_path / "a") == sha256(tmp_path / "a")
    assert not Paths(tmp_path / "results").digests.exists()


def test_the_record_names_what_was_read_and_the_plan_sees_an_edit(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    found, paths = of_folder(folder), Paths()
    execute(found, paths, "collection", {"dataset": "x"}, Machine(device_name="cpu"))
    record = json.loads((paths.results / "data" / "x" / "record.json").read_text())
    files = [folder / name for name in FILES]
    assert record["inputs"] == {str(path): sha256(path) for path in files}
    job = Job(found, paths, ("collection", "x"))
    assert _current(job)
    replace(folder, "qrels/test.tsv", "a\t2", "a\t1")
    assert not _current(job)


def test_files_of_a_model_folder(tmp_path: Path) -> None:
    read = {
        "config.json", "model-00001-of-00002.safetensors", "model.safetensors.index.json", "tokenizer.json",
        "tokenizer_config.json", "vocab.txt", "spiece.model", "modules.json", "1_SpladePooling/config.json",
        "query_0_SparseStaticEmbedding/model.safetensors", "chat_template.jinja", "encoder/config.json",
    }  # fmt: skip
    stray = {
        ".DS_Store", "README.md", "training_args.bin", "trainer_state.json", "eval_results.json", "runs/events.json",
        "checkpoint-500/model.safetensors", ".cache/config.json", "onnx/config.json", "._config.json",
    }  # fmt: skip
    for name in read | stray:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    named = [{"path": ""}, {"path": "encoder"}, {"path": "../elsewhere"}, {"path": "1_SpladePooling"}]
    (tmp_path / "modules.json").write_text(json.dumps(named))
    assert {str(path.relative_to(tmp_path)) for path in model_files(tmp_path)} == read
    assert model_files(tmp_path / "none") == []


LOCAL = """
datasets:
  own: {source: files, path: SET, part: test}
backbones:
  mine: {source: local, path: MODEL}
experiments:
  small: {train_on: own, in_domain: [own], grid: [{backbones: [mine], scales: [1]}]}
"""


def test_snakemake_makes_again_what_an_edit_concerns(folder: Path, pipeline: Pipeline) -> None:
    model = folder.parent / "model"
    model.mkdir()
    for name in ("config.json", "model.safetensors"):
        (model / name).write_text("{}")
    overlay = pipeline.overlay(LOCAL.replace("SET", str(folder)).replace("MODEL", str(model)))
    targets = ("results/data/own/manifest.json", "results/backbones/mine")
    pipeline.run("--cores", "2", "--configfile", overlay, "--", *targets)

    files = {"data/own": [folder / name for name in FILES], "backbones/mine": [*model.iterdir()]}
    for place, read in files.items():  # as the stages record them
        record = {"inputs": {str(path): sha256(path) for path in read}}
        (pipeline.work / "results" / place / "record.json").write_text(json.dumps(record))

    def again() -> set[str]:
        return set(pipeline.jobs("--configfile", overlay, "--", *targets))

    (folder / ".DS_Store").write_text("x")
    (model / "README.md").write_text("x")
    os.utime(folder / "corpus.jsonl")
    assert again() == set()
    replace(folder, "qrels/test.tsv", "a\t2", "a\t1", keep_times=True)
    assert again() == {"collection"}
    os.utime(folder / "qrels" / "test.tsv")
    shutil.move(pipeline.work / ".snakemake", folder.parent / "history")  # of results that were copied without it
    assert again() == {"collection"}
    shutil.move(folder.parent / "history", pipeline.work / ".snakemake")
    replace(folder, "qrels/test.tsv", "a\t1", "a\t2")
    (model / "model.safetensors").write_text("[]")
    assert again() == {"backbone"}
