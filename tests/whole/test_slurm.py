"""The slurm profile on a real one-node Slurm with two pretend GPUs."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.graph import REPOSITORY, Pipeline

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


def test_one_backbone(pipeline: Pipeline, cluster: dict[str, str], tmp_path: Path) -> None:
    """A branch from data to page: stages that want a GPU get the one that Slurm gave them, others none."""
    log = tmp_path / "calls"
    shim = cluster.pop("SHIM")
    environment = pipeline.environment(FAKE_LOG=str(log), **cluster)
    environment["PATH"] = f"{shim}{os.pathsep}{environment['PATH']}"
    done = subprocess.run(
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
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (pipeline.work / "report" / "small" / "left.html").exists()
    calls = [line.split() for line in log.read_text().splitlines()]
    seen = {
        words[0]: {word.removeprefix("devices=") for word in words if word.startswith("devices=")} for words in calls
    }
    for stage in ("backbone", "audit", "train", "encode"):
        assert seen[stage] <= {"0", "1"}, seen
        assert seen[stage], seen
    assert pipeline.jobs("--", "left") == {}
