"""A checkpoint is whole or absent, and training goes on from it bit for bit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from models import tiny
from rescalade.splade.model import SpladeModel
from rescalade.training.checkpoint import load_checkpoint, save_checkpoint
from rescalade.training.loop import Row, TokenisedTriples, optimiser_steps, train
from rescalade.training.settings import TrainSettings


class Tokenizer:
    """What the loop needs of a tokenizer."""

    pad_token_id = 0
    all_special_ids = (0, 1)


DATA = TokenisedTriples(
    queries=[[1, 5 + i, 6 + i] for i in range(12)],
    documents=[[1, 5 + i, 9, 10 + i, 3] for i in range(24)],
    triples=[(i, i, 12 + i) for i in range(12)],
)
SETTINGS = TrainSettings(batch_size=4, max_steps=9, learning_rate=1e-3, checkpoint_every=2, accumulation=2)


def run(
    checkpoints: Path, stop_after: int | None = None, steps_made: list[int] | None = None
) -> tuple[list[Row], dict[str, torch.Tensor]]:
    """Train a tiny model; `stop_after` raises inside the loop as a kill would, `steps_made` collects the steps."""
    model = SpladeModel(tiny("bert"))

    def progress(done: int, total: int, row: Row) -> None:
        if steps_made is not None:
            steps_made.append(done)
        if done == stop_after:
            raise KeyboardInterrupt

    history = train(model, Tokenizer(), DATA, SETTINGS, seed=7, checkpoints=checkpoints, progress=progress)  # type: ignore[arg-type]
    return history, {name: value.clone() for name, value in model.state_dict().items()}


def same(one: list[Row], other: list[Row]) -> bool:
    return [{k: v for k, v in row.items() if k != "seconds"} for row in one] == [
        {k: v for k, v in row.items() if k != "seconds"} for row in other
    ]


@pytest.mark.parametrize("stop_after", [1, 2, 3, 7])
def test_resumed_training_ends_with_the_same_bits(stop_after: int, tmp_path: Path) -> None:
    history, weights = run(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "broken", stop_after)
    steps: list[int] = []
    again, resumed = run(tmp_path / "broken", steps_made=steps)
    # a checkpoint every second step; the one of the very step that was interrupted had not been written
    assert steps[0] == 1 + 2 * ((stop_after - 1) // 2)
    assert same(history, again)
    assert all(torch.equal(weights[name], resumed[name]) for name in weights)


def test_another_seed_gives_another_order() -> None:
    from itertools import islice

    from rescalade.training.batches import micro_batches

    first, second = (list(islice(micro_batches(10, 3, seed), 6)) for seed in (1, 2))
    assert any((a != b).any() for a, b in zip(first, second, strict=True))
    epoch = sorted(int(n) for batch in first[:3] for n in batch)
    assert len(set(epoch)) == 9  # three whole batches of three without repeats; the ragged end is dropped


def test_steps_of_a_run() -> None:
    assert optimiser_steps(TrainSettings(batch_size=64, accumulation=8), 503_000) == 983
    assert optimiser_steps(TrainSettings(batch_size=4, max_steps=5), 100) == 5


def test_torn_and_older_checkpoints_are_removed(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, 1, {"a": torch.ones(3)}, {"x": 1})
    newest = save_checkpoint(tmp_path, 2, {"a": torch.ones(3) * 2}, {"x": 2})
    assert [path.name for path in tmp_path.iterdir()] == [newest.name]
    torn = tmp_path / "step-00000009"
    torn.mkdir()
    (torn / "tensors.safetensors").write_bytes(b"half")
    found = load_checkpoint(tmp_path)
    assert found is not None and found[1] == {"step": 2, "x": 2}
    assert not torn.exists()
    data = newest / "tensors.safetensors"
    data.write_bytes(data.read_bytes()[:-4])
    assert load_checkpoint(tmp_path) is None


@pytest.mark.slow
def test_a_real_kill_loses_nothing(tmp_path: Path) -> None:
    code = (
        "import sys, time; sys.path[:0] = sys.argv[2:]\n"
        "import test_checkpoints as t; from pathlib import Path\n"
        "import rescalade.training.loop as loop\n"
        "old = loop._optimiser_step\n"
        "def slow(*a): time.sleep(0.2); return old(*a)\n"
        "loop._optimiser_step = slow\n"
        "t.run(Path(sys.argv[1]))\n"
    )
    folder = tmp_path / "killed"
    here = str(Path(__file__).parent)
    process = subprocess.Popen([sys.executable, "-c", code, str(folder), here])
    deadline = time.monotonic() + 120
    while not list(folder.glob("step-*/whole.json")) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert list(folder.glob("step-*/whole.json"))
    history, weights = run(tmp_path / "whole")
    steps: list[int] = []
    again, resumed = run(folder, steps_made=steps)
    assert steps[0] > 1
    assert same(history, again)
    assert all(torch.equal(weights[name], resumed[name]) for name in weights)
