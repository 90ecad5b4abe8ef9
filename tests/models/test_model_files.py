"""Which files of a folder are the model's: its weights as transformers chooses, its parts alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForMaskedLM

from rescalade.models.checkpoint_keys import language_models
from rescalade.models.model_files import has_weights, weight_files
from rescalade.models.room import stored_weights
from support.models import tiny


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    """A model whose weights are in several files."""
    tiny("bert").save_pretrained(tmp_path / "parts", max_shard_size="10KB")
    return tmp_path / "parts"


def test_parts_are_read_by_their_index_and_all_are_needed(parts: Path) -> None:
    files = weight_files(parts)
    assert files == sorted(parts.glob("model-*.safetensors")) and len(files) > 2 and has_weights(parts)
    assert len(stored_weights(parts)) == sum(len(load_file(path)) for path in files)
    files[1].unlink()
    assert not has_weights(parts) and stored_weights(parts) == []


def test_a_file_of_the_usual_name_goes_before_an_index_as_in_transformers(parts: Path) -> None:
    whole = {name: weight for path in weight_files(parts) for name, weight in load_file(path).items()}
    save_file({name: torch.zeros_like(weight) for name, weight in whole.items()}, parts / "model.safetensors")
    assert weight_files(parts) == [parts / "model.safetensors"]
    assert all(not parameter.any() for parameter in AutoModelForMaskedLM.from_pretrained(parts).parameters())
    weight_files(parts)[0].unlink()
    index = parts / "model.safetensors.index.json"
    for text in ("", "[]", "{}", '{"weight_map": 3}', '{"weight_map": {"x": [1]}}'):
        index.write_text(text)
        assert weight_files(parts) == [] and not has_weights(parts)


def test_language_models_of_a_folder_are_those_of_its_modules(tmp_path: Path) -> None:
    """Not those of checkpoints and exports beside them, whose heads are nobody's matter."""
    for name in (".", "document_0_Transformer", "checkpoint-3", "models/long", "old"):
        tiny("bert").save_pretrained(tmp_path / name)
    (tmp_path / "1_SpladePooling").mkdir()
    shutil.copyfile(tmp_path / "config.json", tmp_path / "1_SpladePooling" / "config.json")
    (tmp_path / "modules.json").write_text(json.dumps([{"path": ""}, {"path": "models/long"}]))
    assert language_models(tmp_path) == [tmp_path, tmp_path / "document_0_Transformer", tmp_path / "models" / "long"]
