"""What a job loads: real commands on a few texts, each in a process of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

import bench_starts
from support.encoding import save_model

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
WITHOUT_TRAINING = ("bm25", "score bm25", "random", "score random", "encode", "index", "search", "score")


def too_much(name: str, folder: Path, snapshot: Path) -> set[str]:
    return set(bench_starts.loaded(bench_starts.COMMANDS[name], folder, snapshot)) - set(
        HEAVY[name.partition(",")[0]].split()
    )


def test_no_command_of_a_small_search_loads_what_it_does_not_use(tmp_path: Path) -> None:
    snapshot = bench_starts.prepare(tmp_path)
    found = {name: too_much(name, tmp_path, snapshot) for name in ["collection, another"]}
    save_model(tmp_path / "results" / "runs" / bench_starts.RUN / "model")
    found |= {name: too_much(name, tmp_path, snapshot) for name in WITHOUT_TRAINING}
    assert not any(found.values()), found


@pytest.mark.slow
def test_no_command_of_an_experiment_loads_what_it_does_not_use(tmp_path: Path) -> None:
    snapshot = bench_starts.prepare(tmp_path)
    found = {name: too_much(name, tmp_path, snapshot) for name in bench_starts.COMMANDS}
    assert not any(found.values()), found
