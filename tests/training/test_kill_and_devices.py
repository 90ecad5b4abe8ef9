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


def forked(case: str, folder: Path, *launcher: str) -> str:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *launcher, str(Path(__file__).parents[1] / "support" / "forked.py"), case, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_sigkill_at_random_moments_and_sigterm_lose_nothing(tmp_path: Path) -> None:
    """And a SIGTERM to one of two processes ends both after the same step, with one checkpoint to go on from."""
    assert forked("signals", tmp_path).count("ended") == 7


def test_gradient_does_not_depend_on_the_number_of_processes(tmp_path: Path) -> None:
    """Two logical batches on 1, 2 and 4 processes, of adapters on 1 and 2. epsilon is 1: what moves is the gradient.

    Tolerance: sums of float32 in another order, 1e-5 of the largest movement. A FLOPS that were a mean per process
    would be off by tenths (29 % with two processes, as measured for sentence-transformers).
    """
    forked("worlds", tmp_path)
    for name, counts in (("infonce", (2, 4)), ("gathered", (2,)), ("adapters", (2,))):
        one = load_file(tmp_path / f"{name}-1.safetensors")
        largest = max(float(value.abs().max()) for value in one.values())
        moved = {key for key, value in one.items() if value.any()}
        assert all(".lora_" in key for key in moved) == (name == "adapters") and moved
        history = ast.literal_eval((tmp_path / f"{name}-1.txt").read_text())
        for devices in counts:
            several = load_file(tmp_path / f"{name}-{devices}.safetensors")
            for key, value in one.items():
                torch.testing.assert_close(several[key], value, rtol=0, atol=1e-5 * largest, msg=f"{name} {key}")
            for row, other in zip(
                history, ast.literal_eval((tmp_path / f"{name}-{devices}.txt").read_text()), strict=True
            ):
                assert other == pytest.approx(row, rel=1e-5), (name, devices)
    # torchrun starts the same two processes: the same bits
    forked("divided", tmp_path / "torchrun", "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    assert (tmp_path / "torchrun.txt").read_text() == (tmp_path / "infonce-2.txt").read_text()
    ours, theirs = (load_file(tmp_path / f"{name}.safetensors") for name in ("infonce-2", "torchrun"))
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
