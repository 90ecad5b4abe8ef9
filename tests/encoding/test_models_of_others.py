"""`rescalade encode` and `search` with models that others have made: inference-free ones, hub ids, broken folders."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from rescalade.vectors.vectors import QUERIES, CorpusShards, SparseVectors, read_vectors
from support.commands import call, run
from support.hub_cache import COMMIT, add_to_cache
from support.sparse_encoders import DOCUMENTS as WRITTEN
from support.sparse_encoders import QUERIES as ASKED
from support.sparse_encoders import checkpoint, save, splade_modules, table_module, theirs


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the texts of `support.sparse_encoders`."""
    monkeypatch.chdir(tmp_path)
    for name, texts in (("d.jsonl", WRITTEN), ("q.jsonl", ASKED)):
        Path(name).write_text("".join(json.dumps({"id": f"t{n}", "text": text}) + "\n" for n, text in enumerate(texts)))
    return tmp_path


def dense(vectors: SparseVectors) -> torch.Tensor:
    found = torch.zeros(len(vectors), 60)
    for row in range(len(vectors)):
        part = slice(vectors.offsets[row], vectors.offsets[row + 1])
        found[row, torch.tensor(vectors.terms[part]).long()] = torch.tensor(vectors.weights[part])
    return found


def check(vectors: Path, model: Path) -> None:
    queries, documents = theirs(model)
    (shard,) = list(CorpusShards(vectors))
    torch.testing.assert_close(dense(read_vectors(vectors / QUERIES)), queries, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(dense(shard), documents, rtol=1e-5, atol=1e-5)


def test_queries_of_a_table_are_encoded_and_asked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from sentence_transformers.base.modules import Router

    router = Router.for_query_document([table_module()], splade_modules(checkpoint(folder / "origin")))
    model = save(folder / "model", [router])
    run("encode", "model", "--texts", "d.jsonl", "--queries", "q.jsonl", "--out", "v")
    check(folder / "v", model)
    settings = CorpusShards(folder / "v").manifest.settings
    assert (settings["query_side"], settings["activation"]) == ("table", "relu")
    capsys.readouterr()
    run("search", "model", ASKED[0], "--vectors", "v", "--json")
    shown = json.loads(capsys.readouterr().out)
    queries, documents = theirs(model)
    assert sorted(shown["terms"].values()) == pytest.approx(sorted(queries[0][queries[0] > 0].tolist()))
    scores = {each["id"]: each["score"] for each in shown["documents"]}
    assert scores == pytest.approx({f"t{n}": float(score) for n, score in enumerate(queries[0] @ documents.T) if score})
    table = next(model.glob("query_*"))
    weights = (table / "model.safetensors").read_bytes()
    (table / "model.safetensors").write_bytes(weights[:-4] + b"\x00\x00\x80\x40")
    status, lines = call(capsys, "search", "model", ASKED[0], "--vectors", "v")
    assert status == 2 and "of another model" in lines[-1]


def test_a_hub_id_is_taken_where_a_folder_is(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    model = save(folder / "model", splade_modules(checkpoint(folder / "origin"), pooling_strategy="sum"))
    files = {str(path.relative_to(model)): path.read_bytes() for path in model.rglob("*") if path.is_file()}
    add_to_cache(folder / "cache", "models", "someone/sparse", files)
    run("encode", "someone/sparse", "--texts", "d.jsonl", "--queries", "q.jsonl", "--out", "v")
    check(folder / "v", model)
    capsys.readouterr()
    run("search", "someone/sparse", ASKED[0], "--vectors", "v", "--json")
    assert len(json.loads(capsys.readouterr().out)["terms"]) == int((theirs(model)[0][0] > 0).sum())
    run("export", "v", "--format", "anserini", "--out", "out", "--model", "someone/sparse")
    status, lines = call(capsys, "encode", "someone/unknown", "--texts", "d.jsonl", "--out", "w")
    assert status == 2 and "someone/unknown" in lines[-1] and "HF_HUB_OFFLINE" in lines[-1]


def test_a_revision_of_a_hub_id_is_taken_and_recorded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    origin, commits = checkpoint(folder / "origin"), {"sum": "5" * 40, "max": COMMIT}
    for pooling, commit in commits.items():  # the last one is the main branch
        model = save(folder / pooling, splade_modules(origin, pooling_strategy=pooling))
        files = {str(path.relative_to(model)): path.read_bytes() for path in model.rglob("*") if path.is_file()}
        add_to_cache(folder / "cache", "models", "someone/sparse", files, commit)
    for pooling, asked in (("sum", ["--revision", "5" * 40]), ("sum", ["--revision", "5555555"]), ("max", [])):
        run("encode", "someone/sparse", "--texts", "d.jsonl", "--queries", "q.jsonl", "--out", "v", *asked)
        check(folder / "v", folder / pooling)
        said = json.loads((folder / "v" / "record.json").read_text())["settings"]["model"]
        assert said == f"someone/sparse@{commits[pooling]}"
        run("search", "someone/sparse", "q.jsonl", "--vectors", "v", "--out", "found.trec", *asked)
        assert (folder / "found.trec").read_text().split("\n")[0].endswith(f"someone-sparse@{commits[pooling]}")
    run("export", "v", "--format", "anserini", "--out", "out", "--model", "someone/sparse", "--revision", "5555555")
    assert json.loads((folder / "out" / "export.json").read_text())["vocabulary_of"] == f"someone/sparse@{'5' * 40}"


@pytest.mark.parametrize(
    "command",
    [
        "encode m --texts d.jsonl --out w",
        "encode mini/bert-small/k1/seed1 pydoc",
        "search m words --vectors v",
        "search mini/bert-small/k1/seed1 pydoc",
        "export v --format anserini --out out --model m",
        "export v --format anserini --out out",
        "audit m",
        "rescale m --k 4 --out n",
        "rescale bert-small --k 4 --out n",
        "audit m bert-small",
        "evaluate m --datasets pydoc --against mini/bert-small/k1/seed1",
    ],
)
def test_a_revision_of_what_has_none_is_refused(command: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "config.yaml").write_text("experiment: mini\n")
    (folder / "m").mkdir()
    (folder / "m" / "config.json").write_text("{}")
    status, lines = call(capsys, *command.split(), "--revision", "abc1234")
    assert status == 2 and len(lines) == 1 and "only an id on the hub, owner/name, has revisions" in lines[0]
    assert not (folder / "results").exists()
