"""What the server loads leaves it fit to be forked, and leaves next to nothing for the jobs to load."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import rescalade
from rescalade.config import load_config
from rescalade.paths import Paths
from rescalade.pipeline.graph import STAGES
from rescalade.pipeline.snapshot import known_snapshot, write_snapshot
from rescalade.warm.launch import LOADED_WITH
from rescalade.warm.loading import load
from support.graph import SMALL

PROGRAM = """
import json, os, sys
import torch, torch.cuda
asked = []
def watched(name, function):
    return lambda *values, **options: asked.append(name) or function(*values, **options)
for name in ("is_available", "device_count", "current_device", "get_device_capability", "is_bf16_supported"):
    setattr(torch.cuda, name, watched(name, getattr(torch.cuda, name)))
from rescalade.warm.loading import load
from rescalade.warm.server import unfit
for kind in sys.argv[1:]:
    load([kind])
fit = torch.cuda._is_in_bad_fork
torch.cuda._is_in_bad_fork = lambda: True
touched = [unfit(gpu=gpu) for gpu in (False, True)]
torch.cuda._is_in_bad_fork = fit
unfitness = [unfit(gpu=gpu) for gpu in (False, True)]

import numpy as np
from rescalade.encoding.sparsify import _count, _gather, sparsify
from rescalade.retrieval.index import build_index
from rescalade.retrieval.kernel import search_blocks
from rescalade.retrieval.search import search
from rescalade.splade.kernels import segment_max, winners_backward
from rescalade.splade.pooling import term_weights
from rescalade.vectors.vectors import SparseVectors
kernels = segment_max, winners_backward, _count, _gather, search_blocks
compiled = [len(kernel.signatures) for kernel in kernels]
weight, hidden = torch.rand(7, 4, requires_grad=True), torch.rand(5, 4, requires_grad=True)
weights = term_weights(hidden, torch.tensor([0, 2, 5]), weight, torch.zeros(7), "numba")
weights.sum().backward()
rows = sparsify(weights)
vectors = SparseVectors(["a", "b"], np.append(0, np.cumsum(rows.counts)), rows.terms, rows.weights)
search(build_index([vectors], 7), vectors, 2)

print(json.dumps({
    "compiled": [compiled, [len(kernel.signatures) for kernel in kernels]],
    "touched": touched,
    "unfit": unfitness,
    "asked": asked,
    "initialised": torch.cuda.is_initialized(),
    "open": [os.path.realpath(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd") if int(number) > 2],
    "modules": list(sys.modules),
}))
"""
KINDS = list(dict.fromkeys(row.kind for row in STAGES.values()))


@pytest.fixture(scope="module")
def loaded() -> dict[str, Any]:
    environment = {**os.environ, **LOADED_WITH}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *KINDS], env=environment, capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_server_that_has_loaded_everything_can_be_forked(loaded: dict[str, Any]) -> None:
    assert loaded["unfit"] == ["", ""]
    assert not [path for path in loaded["open"] if not path.startswith("/proc/")]


def test_no_library_looks_for_gpus_while_it_is_loaded(loaded: dict[str, Any]) -> None:
    """A process that has looked, even in vain, cannot be forked into one that uses them."""
    assert loaded["asked"] == []
    assert not loaded["initialised"]


def test_a_server_whose_forks_could_not_use_a_gpu_starts_no_job_with_one(loaded: dict[str, Any]) -> None:
    """As torch says of a fork where a library has looked for GPUs before."""
    assert loaded["touched"] == ["", "a library has looked for GPUs while it was loaded"]


def test_a_job_has_its_kernels_compiled(loaded: dict[str, Any]) -> None:
    """What the server calls with one text or document is what jobs call: no kernel gets a second form for them."""
    assert loaded["compiled"] == [[1] * 5] * 2


def test_every_named_library_is_loaded(loaded: dict[str, Any]) -> None:
    named = {library for row in STAGES.values() for library in row.libraries}
    assert len(named) > 10
    assert named <= set(loaded["modules"])


def test_the_command_of_a_job_loads_next_to_nothing() -> None:
    """Each of hundreds of jobs pays for it; without `site`, which may have loaded anything."""
    program = "import sys; sys.path[:0] = sys.argv[1:]; import rescalade.warm.client; print(*sys.modules)"
    package = Path(rescalade.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, package], capture_output=True, text=True, check=True
    )
    assert "socket" in done.stdout.split()
    assert not {"typing", "dataclasses", "pathlib", "inspect", "importlib.util"} & set(done.stdout.split())


def test_a_configuration_is_read_once_for_all_jobs_of_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.yaml").write_text(SMALL)
    config = load_config([tmp_path / "config.yaml"])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(gc, "disable", lambda: None)
    snapshot = write_snapshot(config, Paths())
    arguments = ["of no stage", "--snapshot", str(snapshot), "--experiment", "small"]
    known_snapshot.cache_clear()
    load(arguments, str(tmp_path.parent))
    assert known_snapshot.cache_info().currsize == 0  # the same words name another file there
    load(arguments, str(tmp_path))
    snapshot.unlink()
    assert known_snapshot(snapshot, "small").model == config.model
    load(["of no stage", "--snapshot", "nothing.yaml"], str(tmp_path))  # what is wrong with it the job says
