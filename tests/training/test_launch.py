"""Processes of one run on several devices: their variables, and what their failures become; with a stand-in command."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

STAND_IN = """
import os, sys, time, signal
rank = int(os.environ["RANK"])
open(f"{sys.argv[1]}/{rank}", "w").write(" ".join(os.environ[n] for n in ("RANK", "LOCAL_RANK", "WORLD_SIZE")))
if sys.argv[2] == "fail" and rank == 1:
    sys.stderr.write("rank 1 has failed\\n")
    raise SystemExit(7)
if sys.argv[2] == "term":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    time.sleep(30)
if sys.argv[2] == "fail":
    os.kill(os.getpid(), signal.SIGKILL)
"""


def start(folder: Path, case: str) -> subprocess.Popen[str]:
    package = folder / "fake" / "rescalade"
    package.mkdir(parents=True)
    (package / "__main__.py").write_text(STAND_IN)
    (package / "__init__.py").write_text("")
    code = textwrap.dedent(
        f"""
        import sys
        from rescalade.training import launch
        sys.argv = ["rescalade", {str(folder)!r}, {case!r}]
        import os
        os.environ["PYTHONPATH"] = {str(folder / "fake")!r}
        launch.GRACE = 1.0
        launch.launch(3, "cpu")
        """
    )
    return subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)


def test_every_process_knows_its_place(tmp_path: Path) -> None:
    process = start(tmp_path, "well")
    assert process.wait(60) == 0
    assert [(tmp_path / str(rank)).read_text() for rank in range(3)] == [f"{rank} {rank} 3" for rank in range(3)]


def test_a_process_that_fails_ends_the_others_and_is_heard(tmp_path: Path) -> None:
    process = start(tmp_path, "fail")
    assert process.wait(60) in (7, 137)
    assert process.stderr is not None and "rank 1 has failed" in process.stderr.read()


def test_sigterm_goes_to_all(tmp_path: Path) -> None:
    process = start(tmp_path, "term")
    deadline = time.monotonic() + 60
    while len(list(tmp_path.glob("[0-2]"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    process.terminate()
    assert process.wait(60) == 143


def test_more_gpus_than_there_are_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from rescalade.errors import UserError
    from rescalade.training.launch import launch

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(UserError, match="--devices 4: this process sees 1 GPUs"):
        launch(4, "cuda")


def test_shares_cover_a_step_once_whatever_the_devices() -> None:
    from rescalade.training.sharding import Sharding

    for devices in (1, 2, 4, 8, 16, 32):
        seen: list[tuple[int, int]] = []
        for rank in range(devices):
            sharding = Sharding(8, 64, devices, rank)
            for local in range(sharding.local_batches):
                rows = range(64)[sharding.own(64)]
                seen += [(sharding.number(local), row) for row in rows]
        assert sorted(seen) == [(batch, row) for batch in range(8) for row in range(64)], devices


def test_devices_that_cannot_share_a_step_are_refused() -> None:
    from rescalade.errors import UserError
    from rescalade.training.sharding import Sharding

    with pytest.raises(UserError, match="3 devices: 8 logical batches"):
        Sharding(8, 64, 3, 0)
    with pytest.raises(UserError, match="cannot be cut into 3 equal parts"):
        Sharding(1, 64, 3, 0)
