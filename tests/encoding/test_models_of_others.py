"""`rescalade encode` and `search` with models that others have made: inference-free ones, hub ids, broken folders."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from rescalade.vectors.vectors import QUERIES, CorpusShards, SparseVectors, read_vectors
from support.commands import call, run
from support.hub_cache import add_to_cache
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
