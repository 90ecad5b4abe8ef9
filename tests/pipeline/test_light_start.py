"""What a job loads: real commands on a few texts, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import bench_starts
from support.encoding import save_model

HEAVY = {
    "collection": "pandas pyarrow",
    "triples": "bm25s numba pyarrow scipy",
    "backbone": "accelerate jinja2 numba pyarrow scipy tokenizers torch torch._dynamo transformers",
    "audit": "accelerate jinja2 numba pandas pyarrow scipy tokenizers torch torch._dynamo transformers",
    "rescale": "accelerate jinja2 tokenizers torch torch._dynamo transformers",
    "step0": "accelerate jinja2 numba pyarrow scipy tokenizers torch torch._dynamo transformers",
    "train": "accelerate datasets jinja2 numba pandas pyarrow scipy scipy.optimize sentence_transformers sklearn "
    "tokenizers torch torch._dynamo transformers",
    "encode": "accelerate jinja2 numba pyarrow scipy tokenizers torch torch._dynamo transformers",
    "index": "numba pyarrow scipy",
    "search": "numba pyarrow scipy",
    "score": "pyarrow",
    "bm25": "bm25s numba pyarrow scipy",
    "score bm25": "pyarrow",
    "random": "numba pyarrow scipy",
    "score random": "pyarrow",
    "tables": "pandas pyarrow scipy",
    "figures": "matplotlib pandas pyarrow",
    "report": "jinja2 matplotlib pandas pyarrow scipy",
    "page": "jinja2 matplotlib pandas pyarrow",
}
"""All of bench_starts.HEAVY that each command may load. numba loads scipy; pyarrow is told that there is no pandas, but
for collections, whose source may be one of `datasets`; `audit` shows kept runs beside its own; transformers loads
torch._dynamo and accelerate with any model."""
WITHOUT_TRAINING = ("bm25", "score bm25", "random", "score random", "encode", "index", "search", "score")


def heavy(name: str, folder: Path, snapshot: Path) -> list[str]:
    return bench_starts.loaded(bench_starts.start(bench_starts.COMMANDS[name], folder, snapshot))


def too_much(name: str, folder: Path, snapshot: Path) -> set[str]:
    return set(heavy(name, folder, snapshot)) - set(HEAVY[name.partition(",")[0]].split())


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


def in_a_process(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout


def test_what_is_settled_hurts_nobody() -> None:
    """pyarrow and pandas work beside each other, and a loss of object detection finds scipy when it is called."""
    said = in_a_process("""
import sys
import pyarrow as pa, torch
from rescalade.pipeline.light_start import lighten
lighten()
print([name for name in ("pandas", "scipy.optimize") if name in sys.modules])
from transformers.loss.loss_for_object_detection import linear_sum_assignment
print([each.tolist() for each in linear_sum_assignment([[4, 1], [2, 8]])], "scipy.optimize" in sys.modules)
import pandas as pd, scipy.optimize
print(pd.DataFrame({"a": pa.table({"a": [1.5, None]})["a"].to_numpy(), "b": ["x", None]}).isna().sum().tolist())
print(scipy.optimize.minimize_scalar(lambda x: (x - 2) ** 2).success)
""")
    assert said.splitlines() == ["[]", "[[0, 1], [1, 0]] True", "[1, 1]", "True"]


def test_a_history_is_the_frame_that_pyarrow_would_make(tmp_path: Path) -> None:
    import pandas as pd

    from rescalade.history import COLUMNS, HISTORY, read_history, write_history
    from rescalade.report.results import load

    rows = [{name: None if name != "step" and step == 1 else float(step) for name in COLUMNS} for step in range(3)]
    write_history(tmp_path / HISTORY, [{**row, "step": int(row["step"] or 0)} for row in rows])  # type: ignore[misc]
    table, found = read_history(tmp_path / HISTORY), load._history(tmp_path / HISTORY)
    assert found is not None
    columns = {name: pd.Series(table[name].to_pylist(), dtype=str(table[name].type).replace("double", "float64"))
               for name in table.column_names}  # fmt: skip
    pd.testing.assert_frame_equal(found, pd.DataFrame(columns))
