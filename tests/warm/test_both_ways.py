"""An experiment run by Snakemake with warm starts and without makes the same files, and Ctrl-C ends it at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import bench_starts
import compare_results
from rescalade.warm import protocol
from support.graph import REPOSITORY

pytestmark = pytest.mark.slow


def snakemake(folder: Path, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "snakemake", "-s", str(REPOSITORY / "Snakefile"), "--cores", "2"]
    options = ["--replace-workflow-config", "--configfile", str(folder / "config.yaml"), "--", "report"]
    return subprocess.Popen(
        [*command, *options],
        cwd=folder,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def in_folder(folder: Path) -> list[int]:
    """Processes that work there."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").resolve() == folder.resolve():
                found.append(int(process.name))
        except OSError:
            continue
    return found


def test_the_same_files_and_an_end_at_once(tmp_path: Path) -> None:
    plain, warm = tmp_path / "plain", tmp_path / "warm"
    texts = tmp_path / "texts"
    texts.mkdir()
    for folder in (plain, warm):
        folder.mkdir()
        bench_starts.configure(folder, texts)
    interrupted = snakemake(warm)
    while not (warm / "results" / "logs" / "backbone").exists():
        assert interrupted.poll() is None, interrupted.communicate()[0]
        time.sleep(0.05)
    os.killpg(interrupted.pid, signal.SIGINT)
    start = time.monotonic()
    interrupted.communicate(timeout=30)
    while in_folder(warm) and time.monotonic() - start < 30:
        time.sleep(0.05)
    assert time.monotonic() - start < 5
    assert (warm / "results" / "data" / "words" / "manifest.json").exists(), "finished work stays"

    first, second = snakemake(warm), snakemake(plain, **{protocol.SOCKET: protocol.OFF})
    said = [process.communicate(timeout=300)[0] for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), said
    assert not in_folder(warm)
    assert compare_results.main([str(plain / "results"), str(warm / "results")]) == 0
    assert compare_results.main([str(plain / "report"), str(warm / "report")]) == 0
