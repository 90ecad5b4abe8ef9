"""An experiment run by Snakemake with warm starts and without.

It makes the same files both ways, Ctrl-C ends it at once, and a job that starts plainly loads only what it uses.
"""

from __future__ import annotations

import os
import re
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

MODELS = "accelerate jinja2 scipy scipy.optimize tokenizers torch torch._dynamo transformers"
HEAVY = {
    "collection": "pandas pyarrow",
    "triples": "bm25s numba pandas pyarrow scipy",
    "backbone": f"{MODELS} numba pandas pyarrow",
    "audit": f"{MODELS} numba pandas pyarrow",
    "rescale": MODELS,
    "step0": f"{MODELS} numba pandas pyarrow",
    "train": f"{MODELS} numba pandas pyarrow datasets sentence_transformers sklearn",
    "encode": f"{MODELS} numba pandas pyarrow",
    "index": "numba pandas pyarrow scipy",
    "search": "numba pandas pyarrow scipy",
    "score": "pandas pyarrow",
    "bm25": "bm25s numba pandas pyarrow scipy",
    "score bm25": "pandas pyarrow",
    "random": "numba pandas pyarrow scipy",
    "score random": "pandas pyarrow",
    "tables": "pandas pyarrow scipy scipy.optimize",
    "figures": "matplotlib pandas pyarrow",
    "report": "jinja2 matplotlib pandas pyarrow scipy scipy.optimize",
    "page": "jinja2 matplotlib pandas pyarrow",
}
"""All of bench_starts.HEAVY that each command may load. pyarrow loads pandas where it is there, numba parts of scipy;
transformers loads torch._dynamo, accelerate and, for losses of object detection, scipy.optimize with any model."""
NOTES = """
import atexit, os, sys

def note():
    if os.path.basename(sys.argv[0]) == "rescalade":
        with open(os.path.join(os.environ["NOTES"], str(os.getpid())), "w") as file:
            file.write("\\n".join([" ".join(sys.argv[1:]), *sys.modules]))

atexit.register(note)
"""
"""As sitecustomize.py on the path of a call: every job notes at its end what it has loaded."""


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


def noted(folder: Path) -> dict[str, set[str]]:
    """Of each command what its jobs had loaded that is heavy."""
    found: dict[str, set[str]] = {}
    for path in folder.iterdir():
        words, *modules = path.read_text().splitlines()
        name = re.match(r"score (?:bm25|random)|\w+", words)
        assert name is not None, words
        found.setdefault("page" if "--page tiny" in words else name[0], set()).update(modules)
    return {name: modules & set(bench_starts.HEAVY) for name, modules in found.items()}


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

    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "sitecustomize.py").write_text(NOTES)
    where = {
        "NOTES": str(notes / "jobs"),
        "PYTHONPATH": os.pathsep.join([str(notes), os.environ.get("PYTHONPATH", "")]),
    }
    (notes / "jobs").mkdir()
    first, second = snakemake(warm), snakemake(plain, **{protocol.SOCKET: protocol.OFF}, **where)
    said = [process.communicate(timeout=300)[0] for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), said
    assert not in_folder(warm)
    assert compare_results.main([str(plain / "results"), str(warm / "results")]) == 0
    assert compare_results.main([str(plain / "report"), str(warm / "report")]) == 0
    # each in a process of its own, so what one has loaded another has not
    jobs = noted(notes / "jobs")
    assert jobs.keys() == HEAVY.keys() and jobs["train"] >= {"torch", "transformers"}
    too_much = {name: more for name, found in jobs.items() if (more := found - set(HEAVY[name].split()))}
    assert not too_much
