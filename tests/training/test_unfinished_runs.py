"""Which unfinished run a run goes on from: one from the same model, not from one of the same weights."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from rescalade.models.reading import set_reading
from rescalade.models.sparse_encoder_files import save_sparse_encoder
from rescalade.models.splade_config import as_trained
from rescalade.rescaling.sidecar import FILE
from rescalade.stage import Call
from rescalade.texts.text_settings import TextSettings
from rescalade.training import train_stage
from rescalade.training.settings import RunSettings
from support.encoding import small_tokenizer
from support.families import tiny_form


class AskedError(Exception):
    pass


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Folder of unfinished work that the stage asks for, by the folder of the model."""
    for name in ("corpus", "queries", "triples"):
        (tmp_path / name).write_text(name)
    found: list[Path] = []

    def train_run(*_: Any, checkpoints: Path, **__: Any) -> None:
        found.append(checkpoints)
        raise AskedError

    monkeypatch.setattr(train_stage, "train_run", train_run)
    monkeypatch.setattr(train_stage, "read_triples", lambda path: path)

    def folder_of(model: Path) -> Path:
        files = {name: tmp_path / name for name in ("corpus", "queries", "triples")}
        made = {name: tmp_path / "out" / name for name in ("model", "history", "outcome", "record")}
        call = Call(
            "train x", {"run": "mini/tiny/k1/seed1"}, caches={"unfinished": tmp_path, "tensorboard": tmp_path}, key="k"
        )
        with pytest.raises(AskedError):
            train_stage.run_train(RunSettings.model_construct(), {"model": model, **files}, made, call)
        return found[-1]

    return folder_of


def test_models_of_the_same_weights_have_unfinished_runs_of_their_own(asked: Any, tmp_path: Path) -> None:
    """The three readings of a model, and the modes multiplier and folded, differ in other files than the weights."""
    folders = {}
    for reading in ("causal", "bidirectional", "echo"):
        model = tiny_form("llama")
        set_reading(model, reading, "tiny")  # type: ignore[arg-type]
        how = as_trained(TextSettings(), "fp32", reading, "llama")  # type: ignore[arg-type]
        folders[reading] = tmp_path / reading
        folders[reading].mkdir()
        save_sparse_encoder(model, small_tokenizer(), how, folders[reading])
        (folders[reading] / FILE).write_text(json.dumps({"mode": "folded"}))
    folders["multiplier"] = shutil.copytree(folders["causal"], tmp_path / "multiplier")
    (folders["multiplier"] / FILE).write_text(json.dumps({"mode": "multiplier"}))
    weights = {(folder / "model.safetensors").read_bytes() for folder in folders.values()}
    assert len(weights) == 1
    found = {name: asked(folder) for name, folder in folders.items()}
    assert len(set(found.values())) == 4
    assert asked(shutil.copytree(folders["causal"], tmp_path / "again")) == found["causal"]
