"""Models that others have trained: their files as they are, and what is no such model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from rescalade.backbones.ready_stage import run_ready
from rescalade.backbones.settings import ReadySettings
from rescalade.errors import UserError
from rescalade.models.checkpoint_keys import language_models
from rescalade.models.model_files import belongs, is_retriever, is_whole
from rescalade.models.model_folder import open_model_folder
from rescalade.stage import Call
from support.fake_hub import COMMIT, FakeHub, Repository
from support.hub_models import OTHER_FILES, tiny_checkpoint
from support.sparse_encoders import checkpoint, save, splade_modules, table_module
from support.sparse_encoders import ours as our_vectors
from support.sparse_encoders import theirs as their_vectors


@pytest.fixture(scope="module")
def retriever(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with the files that a SparseEncoder has beside it, and exports that nobody asks for."""
    folder = tiny_checkpoint(tmp_path_factory.mktemp("models") / "retriever")
    modules = [{"idx": 0, "name": "0", "path": ""}, {"idx": 1, "name": "1", "path": "1_SpladePooling"}]
    (folder / "modules.json").write_text(json.dumps(modules))
    for name in ("1_SpladePooling", "onnx", "openvino"):
        (folder / name).mkdir()
        (folder / name / "config.json").write_text("{}")
    return folder


def made(settings: ReadySettings, folder: Path) -> Path:
    target = folder / "made"
    call = Call("ready", names={"backbone": "theirs"}, caches={"hub": folder / "hub"})
    run_ready(settings, {}, {"model": target}, call)
    return target


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_is_taken_byte_by_byte(retriever: Path, tmp_path: Path) -> None:
    found, given = contents(made(ReadySettings(path=str(retriever)), tmp_path)), contents(retriever)
    left_out = {*OTHER_FILES, "onnx/config.json", "openvino/config.json"}
    assert found == {name: content for name, content in given.items() if name not in left_out}
    assert "1_SpladePooling/config.json" in found


def test_one_of_the_hub_arrives_with_its_modules(
    retriever: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, served: FakeHub
) -> None:
    found = contents(made(ReadySettings(id="owner/splade", revision=COMMIT), tmp_path))
    assert json.loads(found.pop("origin.json"))["commit"] == COMMIT
    assert found == contents(made(ReadySettings(path=str(retriever)), tmp_path / "local"))


@pytest.fixture
def served(retriever: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    hub = FakeHub({"owner/splade": Repository(retriever)})
    server = hub.serve(tmp_path / "cache", monkeypatch)
    yield hub
    server.shutdown()
    server.server_close()


def test_a_language_model_has_to_be_said_to_be_a_retriever(tmp_path: Path) -> None:
    plain = tiny_checkpoint(tmp_path / "plain")
    with pytest.raises(UserError, match="trained: true"):
        made(ReadySettings(path=str(plain)), tmp_path)
    assert not (tmp_path / "made").exists()
    assert made(ReadySettings(path=str(plain), trained=True), tmp_path).is_dir()


@pytest.mark.parametrize("name", ["missing", "empty"])
def test_no_model_is_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"neither config\.json nor modules\.json"):
        made(ReadySettings(path=str(tmp_path / name)), tmp_path)


def test_weights_have_to_be_safetensors(tmp_path: Path) -> None:
    plain = tiny_checkpoint(tmp_path / "plain")
    (plain / "model.safetensors").unlink()
    with pytest.raises(UserError, match="no weights as safetensors"):
        made(ReadySettings(path=str(plain), trained=True), tmp_path)


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("model-00001-of-00002.safetensors", True),
        ("query_0_SparseStaticEmbedding/model.safetensors", True),
        ("document_0_MLMTransformer/tokenizer.json", True),
        ("router_config.json", True),
        ("onnx/config.json", False),
        ("1_SpladePooling/pytorch_model.bin", False),
        ("modeling_gte.py", False),
        ("checkpoint-100/config.json", False),
        ("10_SpladePooling/config.json", True),
        ("0_Asym/query_0_SparseStaticEmbedding/config.json", True),
        ("pooling/config.json", True),
        ("parts/pooling/config.json", False),
        ("parts/model/0_Transformer/config.json", True),
        ("parts/config.json", False),
        ("generation_config.json", True),
        ("rescale.json", False),
        (".tokenizer.json", False),
    ],
)
def test_which_files_are_a_model(name: str, taken: bool) -> None:
    assert belongs(name, ["pooling", "parts/model"]) is taken


def test_a_module_in_a_folder_of_any_name_arrives_by_both_ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it sums over tokens would be taken for maxima, in silence."""
    theirs = tiny_checkpoint(tmp_path / "theirs")
    places = {"": "base.modules.Transformer", "parts/pooling": "sparse_encoder.modules.SpladePooling"}
    listed = [{"path": path, "type": f"sentence_transformers.{kind}"} for path, kind in places.items()]
    (theirs / "modules.json").write_text(json.dumps(listed))
    (theirs / "sentence_bert_config.json").write_text(json.dumps({"transformer_task": "fill-mask"}))
    (theirs / "parts" / "pooling").mkdir(parents=True)
    (theirs / "parts" / "pooling" / "config.json").write_text(json.dumps({"pooling_strategy": "sum"}))
    (theirs / "parts" / "notes.json").write_text("{}")
    local = made(ReadySettings(path=str(theirs), trained=True), tmp_path / "local")
    server = FakeHub({"owner/splade": Repository(theirs)}).serve(tmp_path / "cache", monkeypatch)
    fetched = made(ReadySettings(id="owner/splade", revision=COMMIT, trained=True), tmp_path)
    server.shutdown()
    server.server_close()
    for folder in (local, fetched):
        assert open_model_folder(folder).how.pooling == "sum"
        assert not (folder / "parts" / "notes.json").exists()


def test_a_router_with_folders_of_any_names_arrives_by_both_ways(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Renamed by hand after sentence-transformers saved it, in the router's file too; one lies in a folder below."""
    from sentence_transformers.base.modules import Router

    documents = splade_modules(checkpoint(tmp_path / "origin"), activation_function="log1p_relu")
    theirs = save(tmp_path / "theirs", [Router.for_query_document([table_module()], documents)])
    said = (theirs / "router_config.json").read_text()
    names = {"query_0_SparseStaticEmbedding": "asked", "document_0_Transformer": "read/by"}
    names["document_1_SpladePooling"] = "pooled"
    for old, new in names.items():
        (theirs / new).parent.mkdir(exist_ok=True)
        (theirs / old).rename(theirs / new)
        said = said.replace(f'"{old}"', f'"{new}"')
    (theirs / "router_config.json").write_text(said)
    (theirs / "read" / "config.json").write_text("{}")
    vectors = their_vectors(theirs)
    local = made(ReadySettings(path=str(theirs)), tmp_path / "local")
    server = FakeHub({"owner/splade": Repository(theirs)}).serve(tmp_path / "cache", monkeypatch)
    fetched = made(ReadySettings(id="owner/splade", revision=COMMIT), tmp_path)
    server.shutdown()
    server.server_close()
    for folder in (theirs, local, fetched):
        for found, expected in zip(our_vectors(folder), vectors, strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
        assert language_models(folder) == [folder / "read" / "by"]
    assert not (local / "read" / "config.json").exists() and not (fetched / "read" / "config.json").exists()
    assert is_whole(theirs)
    (theirs / "read" / "by" / "model.safetensors").unlink()
    assert not is_whole(theirs)


@pytest.mark.parametrize(
    ("files", "retriever"),
    [
        ({"splade.json": "{}"}, True),
        ({"query_0_SparseStaticEmbedding/config.json": "{}"}, True),
        ({"1_Pooling/config.json": "{}", "2_Dense/config.json": "{}"}, False),
        ({"modules.json": json.dumps([{"path": "pooled", "type": "sentence_transformers.SpladePooling"}])}, True),
        ({"modules.json": json.dumps([{"path": "pooled", "type": "sentence_transformers.Pooling"}])}, False),
        ({"checkpoint-3/1_SpladePooling/config.json": "{}"}, False),
    ],
)
def test_what_says_that_a_model_is_a_retriever(files: dict[str, str], retriever: bool, tmp_path: Path) -> None:
    for name, text in {"config.json": "{}", **files}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert is_retriever(tmp_path) is retriever
