"""Mistakes end in one clear line and a status other than 0, and lose nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from support.graph import SMALL, Pipeline


def refused(pipeline: Pipeline, *arguments: str) -> str:
    """The one line of a call that ends with status 2; Snakemake's word about its profile aside."""
    done = pipeline.call("-n", "--cores", "1", *arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    lines = [
        line for line in (done.stdout + done.stderr).splitlines() if not line.startswith("Using workflow specific")
    ]
    assert len(lines) == 1, lines
    return lines[0]


def test_unknown_experiment(pipeline: Pipeline) -> None:
    assert refused(pipeline, "--config", "experiment=smal") == "unknown experiment 'smal'; did you mean 'small'?"


def test_only_the_experiment_can_be_overridden(pipeline: Pipeline) -> None:
    assert "only experiment=NAME" in refused(pipeline, "--config", "seeds=3")


def test_unknown_key_is_named_with_its_place(pipeline: Pipeline) -> None:
    line = refused(pipeline, "--configfile", pipeline.overlay("\nretreival: {depth: 3}\n"))
    assert "overlay.yaml, line 2" in line
    assert "did you mean 'retrieval'" in line


def test_a_broken_file_is_one_line(pipeline: Pipeline) -> None:
    (pipeline.repository / "config.yaml").write_text("experiment: [\n")
    assert "not valid YAML" in refused(pipeline)


def test_a_backbone_called_like_a_stage(pipeline: Pipeline) -> None:
    (pipeline.repository / "config.yaml").write_text(SMALL.replace("right", "audit_backbone"))
    assert "backbone 'audit_backbone' is called like a stage or target" in refused(pipeline)


def test_results_that_cannot_be_written(pipeline: Pipeline) -> None:
    (pipeline.work / "results").write_text("a file in the way")
    assert "folder results cannot be written" in refused(pipeline)


def test_a_local_backbone_that_is_not_there(pipeline: Pipeline) -> None:
    overlay = pipeline.overlay("backbones: {left: {source: local, path: nowhere, pretrain: null}}")
    assert refused(pipeline, "--configfile", overlay) == (
        f"backbones.left.path: there is no folder nowhere (counted from the working directory, {pipeline.work})"
    )


def test_unknown_target(pipeline: Pipeline) -> None:
    done = pipeline.call("-n", "--cores", "1", "--", "lefft")
    assert done.returncode == 1
    assert "No rule to produce lefft" in done.stdout + done.stderr


BRANCH = ("--", "left")
"""One backbone from its data to its page: half of the jobs, and all stages but the report."""


def start(pipeline: Pipeline, **environment: str) -> subprocess.Popen[str]:
    """Snakemake makes a branch in the background, in a process group of its own like one started from a terminal.

    `env` gives it back the interrupt signal, which a shell takes from what it starts in the background.
    """
    return subprocess.Popen(
        ["env", "--default-signal=INT", *pipeline.command("--cores", "2", *BRANCH)],
        cwd=pipeline.work,
        env=pipeline.environment(**environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    """Until a file exists; a minute at most."""
    for _ in range(600):
        if path.exists():
            return
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.1)
    raise AssertionError(f"{path} did not appear")


@pytest.mark.slow
def test_a_failed_shard_is_made_again_alone(pipeline: Pipeline) -> None:
    overlay = pipeline.overlay("datasets: {test: {documents: 25}}\nretrieval: {shard_documents: 10, shard_jobs: true}")
    failed = pipeline.call("--cores", "1", "--configfile", overlay, *BRANCH, FAKE_FAIL_SHARD="00001")
    assert failed.returncode == 1
    jobs = pipeline.jobs("--configfile", overlay, *BRANCH)
    # of the run and of the backbone before any training, which fail at the same shard
    assert (jobs["encode_shard"], jobs["encode"], jobs["train"]) == (2, 2, 0)
    pipeline.run("--cores", "1", "--configfile", overlay, *BRANCH)


@pytest.mark.slow
def test_the_second_of_two_at_once(pipeline: Pipeline) -> None:
    first = start(pipeline, FAKE_HOLD="collection")
    wait_for(pipeline.work / "results" / "sources" / "pydoc" / "record.json", first)
    second = pipeline.call("--cores", "1", *BRANCH)
    (pipeline.work / "go").touch()
    assert second.returncode != 0
    assert "no other Snakemake process" in second.stderr
    assert first.wait(timeout=200) == 0
    assert pipeline.jobs(*BRANCH) == {}


@pytest.mark.slow
def test_control_c(pipeline: Pipeline) -> None:
    """What was finished stays, what was not is made by the next call."""
    process = start(pipeline, FAKE_HOLD="train")
    wait_for(pipeline.work / "results" / "backbones" / "left" / "content", process)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode != 0
    jobs = pipeline.jobs(*BRANCH)
    assert jobs["source"] == jobs["collection"] == 0
    assert jobs["train"] == 1
    pipeline.run("--cores", "2", *BRANCH)


@pytest.mark.slow
def test_a_killed_snakemake(pipeline: Pipeline) -> None:
    """SIGKILL leaves Snakemake's lock behind; the next call says how to remove it, and then goes on."""
    process = start(pipeline, FAKE_HOLD="train")
    wait_for(pipeline.work / "results" / "backbones" / "left" / "content", process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    locked = pipeline.call("--cores", "2", *BRANCH)
    assert locked.returncode == 1
    assert "--unlock" in locked.stderr
    pipeline.run("--unlock")
    pipeline.run("--cores", "2", *BRANCH)
    assert pipeline.jobs(*BRANCH) == {}
