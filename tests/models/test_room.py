"""Memory that weights take, by hand from their shapes, against limits that are only pretended."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from rescalade.errors import UserError
from rescalade.models import room
from rescalade.models.load import load_lm
from rescalade.models.lora_settings import LoraSettings
from rescalade.models.room import bytes_of, limits, stored_weights
from rescalade.training import room as training_room
from rescalade.training.room import check_stored
from support.commands import call
from support.families import tiny_form
from support.hub_cache import add_to_cache

CPU = torch.device("cpu")
MATRICES = 2 * 60 * 16 + 2 * (4 * 16 * 16 + 3 * 16 * 24)
"""Elements of the tiny Llama's: embedding and head, and in each layer attention and feed-forward block."""
VECTORS = (2 * 2 + 1) * 16
"""Of its norms."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tiny_form("llama").save_pretrained(tmp_path / "whole")
    return tmp_path / "whole"


def in_shards(folder: Path, out: Path) -> Path:
    """The same model with its weights in two files."""
    out.mkdir()
    (out / "config.json").write_text((folder / "config.json").read_text())
    weights = load_file(folder / "model.safetensors")
    names, files = sorted(weights), {}
    for number, part in enumerate((names[:7], names[7:]), 1):
        file = f"model-0000{number}-of-00002.safetensors"
        save_file({name: weights[name] for name in part}, out / file, {"format": "pt"})
        files |= dict.fromkeys(part, file)
    (out / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": files}))
    return out


def has(amount: int) -> Callable[[torch.device], int]:
    return lambda device: amount


def never(*_: Any, **__: Any) -> None:
    raise AssertionError("it was loaded")


def test_bytes_are_those_of_the_shapes_whatever_the_files(folder: Path, tmp_path: Path) -> None:
    for path in (folder, in_shards(folder, tmp_path / "parts")):
        weights = stored_weights(path)
        assert sum(weight.numel for weight in weights) == MATRICES + VECTORS
        assert bytes_of(weights) == 4 * (MATRICES + VECTORS)
        assert bytes_of(weights, 2) == 2 * MATRICES + 4 * VECTORS
    assert stored_weights(tmp_path) == []


def test_a_model_without_room_is_not_loaded(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needed = 4 * (MATRICES + VECTORS)
    monkeypatch.setattr(room, "free", has(needed))
    load_lm(folder)  # just enough
    monkeypatch.setattr(room, "GB", 1.0)
    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", never)
    monkeypatch.setattr(room, "free", has(needed - 1))
    for path in (folder, in_shards(folder, tmp_path / "parts")):
        with pytest.raises(UserError) as refused:
            load_lm(path)
        assert str(refused.value) == (
            f"model {path}: not enough memory: its weights take {needed:.3g} GB; this machine has {needed - 1:.3g} GB "
            "free. Use one with more, or end what else is running there"
        )
    monkeypatch.setattr(room, "free", has(3 * needed - 1))
    with pytest.raises(UserError, match=re.escape(f", 3 times as much at once are {3 * needed:.3g}; this machine")):
        load_lm(folder, copies=3)
    monkeypatch.setattr(room, "free", lambda device: needed - 1 if device.type == "cuda" else 10 * needed)
    with pytest.raises(UserError, match="the device cuda has "):
        load_lm(folder, device="cuda")


@pytest.mark.parametrize("parts", [False, True])
def test_so_is_one_of_the_hub_once_it_is_there(
    parts: bool, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its sizes are not known before; parts arrive too."""
    needed = 4 * (MATRICES + VECTORS)
    held = in_shards(folder, tmp_path / "parts") if parts else folder
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    add_to_cache(tmp_path / "cache", "models", "o/llama", {path.name: path.read_bytes() for path in held.iterdir()})
    monkeypatch.setattr(room, "free", has(needed))
    load_lm("o/llama")  # just enough
    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", never)
    monkeypatch.setattr(room, "free", has(needed - 1))
    with pytest.raises(UserError, match=r"model o/llama: not enough memory: its weights take"):
        load_lm("o/llama")
    with pytest.raises(UserError, match="o/none"):
        load_lm("o/none")


def test_the_command_says_it_in_one_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(room, "free", has(1000))
    status, lines = call(capsys, "audit", str(folder))
    assert status == 2
    assert len(lines) == 1 and lines[0].startswith(f"rescalade: error: model {folder}: not enough memory: its weights")


@pytest.mark.parametrize(
    ("lora", "states", "remedy"),
    [
        (None, 12 * (MATRICES + VECTORS), "train adapters instead of all weights"),
        (LoraSettings(), 4 * (MATRICES + VECTORS), "hold the frozen weights in bf16"),
        (LoraSettings(frozen_weights="bf16"), 2 * MATRICES + 4 * VECTORS, "take a larger device"),
    ],
)
def test_training_asks_for_weights_and_moments_first(
    lora: LoraSettings | None, states: int, remedy: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_room, "free", has(states))
    check_stored(folder, CPU, lora)
    monkeypatch.setattr(training_room, "free", has(states - 1))
    with pytest.raises(UserError, match=f"not enough memory: weights and AdamW alone take .* GB, .*{remedy}"):
        check_stored(folder, CPU, lora)
    # a run that could be trained and not be saved, which is in float32, is not begun
    monkeypatch.setattr(training_room, "free", has(10**9))
    monkeypatch.setattr(room, "free", has(4 * (MATRICES + VECTORS) - 1))
    with pytest.raises(UserError, match="not enough memory: its weights take"):
        check_stored(folder, CPU, lora)


def test_what_a_control_group_leaves_is_the_limit(tmp_path: Path) -> None:
    """Both versions; a group above this one binds it too, and files in the cache are given back."""
    groups = {
        "job": {
            "memory.max": "5000",
            "memory.current": "1500",
            "memory.stat": "anon 1000\ninactive_file 300\nactive_file 100\n",
        },
        "job/step": {"memory.max": "max", "memory.current": "1200"},
        "memory/old": {
            "memory.limit_in_bytes": "3000",
            "memory.usage_in_bytes": "700",
            "memory.stat": "inactive_file 9\ntotal_inactive_file 70\ntotal_active_file 30\n",
        },
    }
    for group, files in groups.items():
        (tmp_path / group).mkdir(parents=True)
        for name, text in files.items():
            (tmp_path / group / name).write_text(text)
    named = tmp_path / "cgroup"
    named.write_text("4:cpu,memory:/old\n3:cpuset:/job\n0::/job/step\n")
    assert sorted(limits(named, tmp_path)) == [(3000, 600), (5000, 1100)]
    named.write_text("0::/elsewhere\n")
    assert list(limits(named, tmp_path)) == []


def test_the_machine_has_no_more_than_its_memory() -> None:
    assert 0 < room.free(CPU) <= room.capacity(CPU)
