"""A checkpoint is whole or absent, and training goes on from it bit for bit."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import torch

from rescalade.errors import UserError
from rescalade.progress import Progress
from rescalade.training.checkpoint import load_checkpoint, save_checkpoint
from rescalade.training.settings import TrainSettings
from rescalade.training.steps import optimiser_steps
from support.training import run, still, without_time

SETTINGS = TrainSettings(batch_size=4, max_steps=9, learning_rate=1e-3, checkpoint_every=2, accumulation=2)


def stop_at(step: int) -> Progress:
    """Progress that raises in the middle of a run, as a kill would."""

    def progress(done: int, total: int, row: dict[str, float]) -> None:
        if done == step:
            raise KeyboardInterrupt

    return progress


@pytest.mark.parametrize("stop_after", [1, 2, 3, 7])
def test_resumed_training_ends_with_the_same_bits(stop_after: int, tmp_path: Path) -> None:
    whole, weights = run(tmp_path / "whole", SETTINGS)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "broken", SETTINGS, progress=stop_at(stop_after))
    steps: list[int] = []
    again, resumed = run(tmp_path / "broken", SETTINGS, progress=lambda done, *_: steps.append(done))
    # a checkpoint every second step; the one of the very step that was interrupted had not been written
    assert steps[0] == 1 + 2 * ((stop_after - 1) // 2)
    assert without_time(whole.history) == without_time(again.history)
    assert [row["step"] for row in again.history] == list(range(9))
    assert all(torch.equal(weights[name], resumed[name]) for name in weights)


@pytest.mark.parametrize("step", [1, 4, 9])
def test_sigterm_saves_the_step_under_way_the_last_one_too(step: int, tmp_path: Path) -> None:
    whole, weights = run(tmp_path / "whole", SETTINGS)

    def terminate(done: int, total: int, row: dict[str, float]) -> None:
        if done == step:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(SystemExit) as ended:
        run(tmp_path / "broken", SETTINGS, progress=terminate)
    assert ended.value.code == 143
    steps: list[int] = []
    again, resumed = run(tmp_path / "broken", SETTINGS, progress=lambda done, *_: steps.append(done))
    assert steps == list(range(step + 1, 10))
    assert without_time(whole.history) == without_time(again.history)
    assert all(torch.equal(weights[name], resumed[name]) for name in weights)


def test_a_checkpoint_of_other_settings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, SETTINGS, progress=stop_at(5))
    with pytest.raises(UserError, match=r"made with learning_rate 0\.001, the settings say 0\.002"):
        run(tmp_path, SETTINGS.model_copy(update={"learning_rate": 2e-3}))
    with pytest.raises(UserError, match="made with seed 7, the settings say 8"):
        run(tmp_path, SETTINGS, seed=8)
    again, _ = run(tmp_path, SETTINGS.model_copy(update={"checkpoint_every": 3}))  # this one decides no weight
    assert len(again.history) == 9


def test_a_run_whose_only_step_is_warm_up_is_refused(tmp_path: Path) -> None:
    """The default warm-up of a tenth is a whole step of one, and its learning rate is 0."""
    with pytest.raises(UserError, match=r"rate is 0 in every step \(steps: 1, of warm-up: 1\)"):
        run(tmp_path, SETTINGS.model_copy(update={"max_steps": 1}))
    moved, weights = run(tmp_path, SETTINGS.model_copy(update={"max_steps": 2}), model=still())
    before = still().state_dict()
    assert len(moved.history) == 2
    assert any(not torch.equal(value, before[name]) for name, value in weights.items())


def test_another_seed_gives_another_order() -> None:
    from itertools import islice

    from rescalade.texts.micro_batches import micro_batches

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
    older = save_checkpoint(tmp_path / "other", 1, {"a": torch.ones(3)}, {"x": 1})
    older.rename(tmp_path / older.name)
    (tmp_path / "other").rmdir()
    torn = tmp_path / "step-00000009"
    torn.mkdir()
    (torn / "tensors.safetensors").write_bytes(b"half")
    found = load_checkpoint(tmp_path)
    assert found is not None and found[1] == {"step": 2, "x": 2, "folder": str(newest)}
    assert [path.name for path in tmp_path.iterdir()] == [newest.name]
    data = newest / "tensors.safetensors"
    data.write_bytes(data.read_bytes()[:-4])
    assert load_checkpoint(tmp_path) is None
