"""The state of a run between its steps: saved whole, taken up again exactly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import Tensor, nn

from rescalade.errors import UserError
from rescalade.objective.measures import Row
from rescalade.training.checkpoint import load_checkpoint, save_checkpoint, training_tensors
from rescalade.training.process_group import ProcessGroup
from rescalade.training.settings import TrainSettings

HISTORY = "history.parquet"
IRRELEVANT = {"checkpoint_every", "tensorboard", "encode_rows", "watch_every", "gradient_checkpointing"}
"""Settings that leave the weights as they are: a run may go on with others."""


def resume(
    folder: Path, settings: TrainSettings, seed: int, group: ProcessGroup
) -> tuple[dict[str, Tensor], list[Row]] | None:
    """Named tensors of the newest whole checkpoint and the rows of the steps behind it; None where there is none.

    Raises:
        UserError: it was made by other settings or another seed.
    """
    if group.first:
        load_checkpoint(folder, tensors=False)  # removes torn and older ones before the others look
    group.barrier()
    found = load_checkpoint(folder)
    if found is None:
        return None
    tensors, state = found
    expected = _identity(settings, seed)
    differing = sorted(name for name, value in expected.items() if state["settings"].get(name) != value)
    if differing:
        name = differing[0]
        raise UserError(
            f"checkpoint in {folder}: made with {name} {state['settings'].get(name)!r}, the settings say "
            f"{expected[name]!r}; delete that folder to start anew, or go back to its settings"
        )
    return tensors, pq.read_table(Path(state["folder"]) / HISTORY).to_pylist()


def save(
    folder: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    history: list[Row],
    settings: TrainSettings,
    seed: int,
) -> None:
    """Write the state after the last row of `history`."""

    def rows(path: Path) -> None:
        pq.write_table(pa.Table.from_pylist(history), path / HISTORY, compression="zstd")

    state = {"settings": _identity(settings, seed)}
    save_checkpoint(folder, len(history), training_tensors(model, optimizer), state, more=rows)


def _identity(settings: TrainSettings, seed: int) -> dict[str, Any]:
    """What decides the weights, as JSON gives it back."""
    identity: dict[str, Any] = json.loads(settings.model_dump_json(exclude=IRRELEVANT))
    return {**identity, "seed": seed}
