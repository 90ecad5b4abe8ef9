"""The slurm profile on a real one-node Slurm with two pretend GPUs."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.graph import REPOSITORY, SMALL, Pipeline

TOOL = REPOSITORY / "tools" / "slurm-one-node.sh"
pytestmark = [pytest.mark.slurm, pytest.mark.slow]


@pytest.fixture
def cluster() -> Iterator[dict[str, str]]:
    """Environment of commands that talk to a cluster which runs during the test."""
    # not tmp_path: munged refuses a socket in a folder that others cannot enter
    with tempfile.TemporaryDirectory(prefix="slurm-one-node-") as base:
        own = {**os.environ, "SLURM_ONE_NODE": base, "CTLD_PORT": "26817", "SLURMD_PORT": "26818"}
        try:
            started = subprocess.run([TOOL, "start"], env=own, capture_output=True, text=True, timeout=120, check=False)
            assert started.returncode == 0, started.stdout + started.stderr
            yield {"SLURM_CONF": f"{base}/etc/slurm.conf", "SHIM": f"{base}/bin"}
        finally:
            subprocess.run([TOOL, "stop"], env=own, timeout=120, check=True)


def wait_for(there: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Until something is there; two minutes at most."""
    for _ in range(1200):
        if there():
            return
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.1)
    raise AssertionError("it did not appear")


def test_one_backbone(pipeline: Pipeline, cluster: dict[str, str], tmp_path: Path) -> None:
    """A branch from data to page: stages that want a GPU get the one that Slurm gave them, others none.

    Every job works by the configuration as it stood, although the file is edited while the first one waits.
    """
    log = tmp_path / "calls"
    shim = cluster.pop("SHIM")
    environment = pipeline.environment(FAKE_LOG=str(log), **cluster)
    environment["PATH"] = f"{shim}{os.pathsep}{environment['PATH']}"
    running = subprocess.Popen(
        pipeline.command(
            "--profile",
            str(pipeline.repository / "profiles" / "slurm"),
            # this cluster has no accounting and a quiet node, so: ask squeue, and soon
            "--slurm-status-command=squeue",
            "--slurm-init-seconds-before-status-checks=1",
            "--seconds-between-status-checks=1",
            "--slurm-no-account",
            "--latency-wait=5",
            "--resources=gpu=2",
            "--",
            "left",
        ),
        cwd=pipeline.work,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    kept = pipeline.work / "results" / ".config"
    wait_for(lambda: any(kept.glob("*.yaml")), running)
    config, before = pipeline.repository / "config.yaml", SMALL
    config.write_text(before.replace("max_steps: 2", "max_steps: 3"))
    output, _ = running.communicate(timeout=500)
    assert running.returncode == 0, output
    config.write_text(before)
    assert (pipeline.work / "report" / "small" / "left.html").exists()
    calls = [line.split() for line in log.read_text().splitlines()]
    assert {words[-1] for words in calls} == {f"snapshot=results/.config/{path.name}" for path in kept.iterdir()}
    seen = {
        words[0]: {word.removeprefix("devices=") for word in words if word.startswith("devices=")} for words in calls
    }
    for stage in ("backbone", "audit", "train", "encode"):
        assert seen[stage] <= {"0", "1"}, seen
        assert seen[stage], seen
    assert pipeline.jobs("--", "left") == {}
