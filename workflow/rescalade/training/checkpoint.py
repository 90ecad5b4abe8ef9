"""Checkpoints that are either whole or absent.

A checkpoint is a folder with `tensors.safetensors` and `state.json`, and last of all a marker that
lists the size of every file. It is written under a temporary name, synced and renamed; reading takes
the newest folder whose marker matches and removes the others, so a kill at any moment costs only the
steps since the last whole one. Optimiser state travels as plain tensors: no pickles.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

MARKER = "whole.json"


def save_checkpoint(
    folder: Path,
    step: int,
    tensors: dict[str, Tensor],
    state: dict[str, Any],
    more: Callable[[Path], None] | None = None,
) -> Path:
    """Write checkpoint `step` into `folder` and drop the older ones.

    Args:
        tensors: named tensors, none sharing memory.
        state: anything JSON can hold.
        more: writes further files into the folder that it is given.
    """
    folder.mkdir(parents=True, exist_ok=True)
    final = folder / f"step-{step:08d}"
    temporary = folder / f".{final.name}.{os.getpid()}"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, temporary / "tensors.safetensors")
    (temporary / "state.json").write_text(json.dumps({"step": step, **state}))
    if more is not None:
        more(temporary)
    sizes = {}
    for path in sorted(temporary.iterdir()):
        _sync(path)
        sizes[path.name] = path.stat().st_size
    (temporary / MARKER).write_text(json.dumps(sizes))
    _sync(temporary / MARKER)
    if final.exists():
        shutil.rmtree(final)
    temporary.rename(final)
    _sync(folder)
    for old in folder.iterdir():
        if old != final:
            shutil.rmtree(old, ignore_errors=True)
    return final


def load_checkpoint(folder: Path, *, tensors: bool = True) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """The newest whole checkpoint as (tensors, state), or None. Torn and older ones are removed.

    Args:
        tensors: whether to read them; without, the dictionary is empty.

    Returns:
        state has the `step` and, as `folder`, the path of the checkpoint itself.
    """
    if not folder.is_dir():
        return None
    whole: Path | None = None
    for path in sorted(folder.iterdir(), reverse=True):
        if whole is None and path.name.startswith("step-") and _is_whole(path):
            whole = path
        else:
            shutil.rmtree(path, ignore_errors=True)
    if whole is None:
        return None
    state = json.loads((whole / "state.json").read_text())
    return load_file(whole / "tensors.safetensors") if tensors else {}, {**state, "folder": str(whole)}


def training_tensors(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Trainable parameters and AdamW state under flat names; a tied parameter is stored once, a frozen one never."""
    tensors = {f"model.{name}": parameter.detach() for name, parameter in _trainable(model)}
    for number, state in optimizer.state_dict()["state"].items():
        for name, value in state.items():
            tensors[f"optimizer.{number}.{name}"] = torch.as_tensor(value)
    return tensors


def restore_training(model: nn.Module, optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Inverse of `training_tensors`; shapes must match (they do when the settings digest matches)."""
    restore_weights(model, tensors)
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        kind, _, rest = key.partition(".")
        if kind == "optimizer":
            number, _, name = rest.partition(".")
            state.setdefault(int(number), {})[name] = value
    description = optimizer.state_dict()
    optimizer.load_state_dict({"state": state, "param_groups": description["param_groups"]})


def restore_weights(model: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Restore the trainable parameters alone; the others never change."""
    with torch.no_grad():
        for name, parameter in _trainable(model):
            parameter.copy_(tensors[f"model.{name}"])


def _trainable(model: nn.Module) -> list[tuple[str, nn.Parameter]]:
    return [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]


def _is_whole(path: Path) -> bool:
    marker = path / MARKER
    if not marker.is_file():
        return False
    try:
        sizes = json.loads(marker.read_text())
    except ValueError:
        return False
    return all((path / name).is_file() and (path / name).stat().st_size == size for name, size in sizes.items())


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
