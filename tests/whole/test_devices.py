"""Two jobs never share a device, and a dead job holds none."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from itertools import combinations
from pathlib import Path

import pytest

from rescalade.devices import installed, parse_listing, prepare
from rescalade.errors import UserError

DEVICE = [sys.executable, "-c", "import sys; from rescalade.devices import main; sys.exit(main())"]
NOTE = (
    "import os, sys, time; start = time.time(); time.sleep(0.15);"
    "open(sys.argv[1], 'a').write(f\"{os.environ['CUDA_VISIBLE_DEVICES']} {start} {time.time()}\\n\")"
)
LISTING = """GPU 0: NVIDIA H200 (UUID: GPU-aaaa)
GPU 1: NVIDIA H200 (UUID: GPU-bbbb)
  MIG 3g.71gb     Device  0: (UUID: MIG-cccc)
  MIG 4g.71gb     Device  1: (UUID: MIG-dddd)
GPU 2: NVIDIA H200 (UUID: GPU-eeee)
"""


@pytest.fixture
def pretend() -> str:
    """Two devices of this test alone."""
    name = uuid.uuid4().hex
    return f"{name}-0,{name}-1"


def environment(pretend: str, **extra: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key not in ("CUDA_VISIBLE_DEVICES", "SLURM_JOB_ID")}
    return kept | {"RESCALADE_DEVICES": pretend} | extra


def run(*words: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*DEVICE, *words], env=env, capture_output=True, text=True, timeout=60, check=False)


def test_eight_jobs_on_two_devices(pretend: str, tmp_path: Path) -> None:
    """Intervals that the jobs note themselves: on one device none overlaps another, and both devices work."""
    notes = tmp_path / "notes"
    command = [*DEVICE, "1", "--", sys.executable, "-c", NOTE, str(notes)]
    jobs = [subprocess.Popen(command, env=environment(pretend), stderr=subprocess.DEVNULL) for _ in range(8)]
    assert [job.wait(timeout=60) for job in jobs] == [0] * 8
    intervals = [
        (device, float(start), float(end))
        for device, start, end in (line.split() for line in notes.read_text().splitlines())
    ]
    assert len(intervals) == 8
    assert {device for device, _, _ in intervals} == set(pretend.split(","))
    for (device, start, end), (other, other_start, other_end) in combinations(intervals, 2):
        assert device != other or end <= other_start or other_end <= start


def test_a_job_that_wants_two_waits_for_both(pretend: str, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    jobs = [
        subprocess.Popen(
            [*DEVICE, count, "--", sys.executable, "-c", NOTE, str(notes)],
            env=environment(pretend),
            stderr=subprocess.DEVNULL,
        )
        for count in ("2", "1", "2", "1")
    ]
    assert [job.wait(timeout=60) for job in jobs] == [0] * 4
    assert sum(line.split()[0] == pretend for line in notes.read_text().splitlines()) == 2


def test_a_killed_job_frees_its_device(pretend: str) -> None:
    one = pretend.split(",")[0]
    holder = subprocess.Popen(
        [*DEVICE, "1", "--", sys.executable, "-c", "import time; print('held', flush=True); time.sleep(600)"],
        env=environment(one),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    waiting = subprocess.Popen([*DEVICE, "1", "--", "true"], env=environment(one), stderr=subprocess.PIPE, text=True)
    time.sleep(1)
    assert waiting.poll() is None
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert waiting.wait(timeout=30) == 0
    assert waiting.stderr is not None
    assert "waiting for 1 of the GPUs" in waiting.stderr.read()


def test_none_is_cpu(pretend: str) -> None:
    shown = run("0", "--", "sh", "-c", "echo [$CUDA_VISIBLE_DEVICES]", env=environment(pretend))
    assert shown.stdout == "[]\n"


def test_more_than_there_are(pretend: str) -> None:
    failed = run("3", "--", "true", env=environment(pretend))
    assert failed.returncode == 2
    assert failed.stderr.startswith("3 GPU(s) asked for, 2 found")
    assert failed.stderr.count("\n") == 1


@pytest.mark.parametrize("words", [(), ("1",), ("1", "true"), ("one", "--", "true"), ("-1", "--", "true")])
def test_a_wrong_call_shows_the_usage(words: tuple[str, ...]) -> None:
    failed = run(*words, env=environment(""))
    assert failed.returncode == 2
    assert failed.stderr.startswith("usage: rescalade-device")


def test_a_command_that_is_not_there() -> None:
    failed = run("0", "--", "no-such-command", env=environment(""))
    assert failed.returncode == 2
    assert failed.stderr == "no-such-command cannot be run: No such file or directory\n"


def test_the_status_of_the_command_is_kept() -> None:
    assert run("0", "--", "sh", "-c", "exit 7", env=environment("")).returncode == 7


def test_in_a_slurm_job_the_cluster_has_chosen() -> None:
    given = {"SLURM_JOB_ID": uuid.uuid4().hex, "CUDA_VISIBLE_DEVICES": "5"}
    assert prepare(1, given)["CUDA_VISIBLE_DEVICES"] == "5"
    assert prepare(0, given)["CUDA_VISIBLE_DEVICES"] == ""


def test_two_slurm_jobs_may_both_call_theirs_zero() -> None:
    """A cluster that hides other jobs' devices numbers each job's from 0; waiting for that name would be wrong."""
    for _ in range(2):
        given = {"SLURM_JOB_ID": uuid.uuid4().hex, "CUDA_VISIBLE_DEVICES": "0"}
        assert prepare(1, given)["CUDA_VISIBLE_DEVICES"] == "0"


def test_in_a_slurm_job_with_fewer() -> None:
    with pytest.raises(UserError, match=r"2 GPU\(s\) asked for, 1 found \(5\)"):
        prepare(2, {"SLURM_JOB_ID": "1", "CUDA_VISIBLE_DEVICES": "5"})


def test_the_listing_of_nvidia_smi() -> None:
    """A divided device (MIG) is used by its parts."""
    assert parse_listing(LISTING) == ["0", "MIG-cccc", "MIG-dddd", "2"]
    assert parse_listing("No devices were found\n") == []


def test_a_users_own_limit_is_kept() -> None:
    assert installed({"CUDA_VISIBLE_DEVICES": "2, 3"}) == ["2", "3"]
    assert installed({"CUDA_VISIBLE_DEVICES": ""}) == []
