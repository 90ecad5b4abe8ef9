"""Real kills and real processes: see tests/support/forked.py for what runs."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def forked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which all cases have run."""
    folder, program = tmp_path_factory.mktemp("forked"), Path(__file__).parents[1] / "support" / "forked.py"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(program), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def made(folder: Path, case: str) -> Path:
    """The folder of a case, which must have ended well."""
    assert (folder / f"{case}.status").read_text() == "0", (folder / f"{case}.log").read_text()
    return folder / case


def test_sigkill_at_random_moments_and_sigterm_lose_nothing(forked: Path) -> None:
    made(forked, "kills")
    assert (forked / "kills.log").read_text().count("ended") == 7


def test_a_sigterm_to_one_of_two_processes_ends_both_after_the_same_step(forked: Path) -> None:
    """With one checkpoint to go on from, and the end of an unbroken training."""
    made(forked, "terminated")


def test_gradient_does_not_depend_on_the_number_of_processes(forked: Path) -> None:
    """Two logical batches on 1, 2 and 4 processes, of adapters on 1 and 2. epsilon is 1: what moves is the gradient.

    Tolerance: sums of float32 in another order, 1e-5 of the largest movement. A FLOPS that were a mean per process
    would be off by tenths (29 % with two processes, as measured for sentence-transformers).
    """
    folder = made(forked, "worlds")
    for name, counts in (("infonce", (2, 4)), ("gathered", (2,)), ("adapters", (2,))):
        one = load_file(folder / f"{name}-1.safetensors")
        largest = max(float(value.abs().max()) for value in one.values())
        moved = {key for key, value in one.items() if value.any()}
        assert all(".lora_" in key for key in moved) == (name == "adapters") and moved
        history = ast.literal_eval((folder / f"{name}-1.txt").read_text())
        for devices in counts:
            several = load_file(folder / f"{name}-{devices}.safetensors")
            for key, value in one.items():
                torch.testing.assert_close(several[key], value, rtol=0, atol=1e-5 * largest, msg=f"{name} {key}")
            for row, other in zip(
                history, ast.literal_eval((folder / f"{name}-{devices}.txt").read_text()), strict=True
            ):
                assert other == pytest.approx(row, rel=1e-5), (name, devices)
    torchrun = made(forked, "torchrun")
    assert (torchrun / "torchrun.txt").read_text() == (folder / "infonce-2.txt").read_text()
    ours, theirs = (load_file(path) for path in (folder / "infonce-2.safetensors", torchrun / "torchrun.safetensors"))
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
