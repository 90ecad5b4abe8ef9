"""tools/compare_results.py finds every change that it should, and none that it should not."""

from __future__ import annotations

import gzip
import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import compare_results

RUN = Path("runs/mini/bert/k1/seed1")


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    """A small results folder and a copy of it."""
    old = tmp_path / "old"
    for folder in ("model", "vectors/pydoc", "retrieved", "scores"):
        (old / RUN / folder).mkdir(parents=True)
    (old / RUN / "model/model.safetensors").write_bytes(bytes(range(100)))
    (old / RUN / "model/tokenizer.json").write_text("{}")
    pq.write_table(_vectors([0.5, 0.25]), old / RUN / "vectors/pydoc/shard-00000.parquet")
    pq.write_table(pa.table({"loss": [1.0, math.nan], "seconds": [3.0, 4.0]}), old / RUN / "history.parquet")
    _ranking(old / RUN / "retrieved/pydoc.trec.gz", "q1 Q0 d2 1 7.5 bert")
    _json(old / RUN / "scores/pydoc.json", {"metrics": {"MRR@10": 0.25, "nDCG@10": math.nan}, "queries_per_second": 9})
    _json(old / RUN / "outcome.json", {"verdict": "trained", "seconds": 12.0, "causes": []})
    _json(old / RUN / "train.record.json", {"code": "0123"})
    (old / "tables").mkdir()
    (old / "tables/main.csv").write_text("backbone,MRR@10\nbert,0.25\n")
    shutil.copytree(old, tmp_path / "new")
    return old, tmp_path / "new"


def _vectors(weights: list[float], identity: str = "a") -> pa.Table:
    table = pa.table({"id": ["d1"], "weights": pa.array([weights], pa.list_(pa.float32()))})
    return table.replace_schema_metadata({"identity": identity})


def _ranking(path: Path, line: str) -> None:
    path.write_bytes(gzip.compress(f"{line}\n".encode()))


def _json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content))


def _may_differ(new: Path) -> None:
    pq.write_table(_vectors([0.5, 0.25], "b"), new / RUN / "vectors/pydoc/shard-00000.parquet", compression="none")
    pq.write_table(pa.table({"loss": [1.0, math.nan], "seconds": [8.0, 9.0]}), new / RUN / "history.parquet")
    _ranking(new / RUN / "retrieved/pydoc.trec.gz", "q1 Q0 d2 1 7.5 another-name")
    _json(new / RUN / "scores/pydoc.json", {"schema_version": 2, "metrics": {"nDCG@10": math.nan, "MRR@10": 0.25}})
    _json(new / RUN / "outcome.json", {"verdict": "trained", "seconds": 1.0, "causes": []})
    _json(new / RUN / "train.record.json", {"code": "4567"})
    (new / RUN / "index/pydoc").mkdir(parents=True)
    (new / RUN / "index/pydoc/first.bin").write_bytes(b"new")


def test_what_may_differ_is_no_difference(two: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    _may_differ(two[1])
    assert compare_results.main([str(folder) for folder in two]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines if line.startswith("rankings")] == [["rankings", "1", "1", "0", "0", "0"]]


CHANGES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "a byte of a model": (
        lambda run: (run / "model/model.safetensors").write_bytes(bytes([*range(99), 0])),
        "bytes differ from 99 on",
    ),
    "a tokenizer": (lambda run: (run / "model/tokenizer.json").write_text("{ }"), "tokenizer.json: bytes differ"),
    "the last bit of a weight": (
        lambda run: pq.write_table(_vectors([0.5, 0.25000003]), run / "vectors/pydoc/shard-00000.parquet"),
        "column weights: 1 rows, the first is 0",
    ),
    "a loss": (
        lambda run: pq.write_table(pa.table({"loss": [1.0, 2.0], "seconds": [3.0, 4.0]}), run / "history.parquet"),
        "column loss: 1 rows, the first is 1: nan and 2.0",
    ),
    "a score in a ranking": (
        lambda run: _ranking(run / "retrieved/pydoc.trec.gz", "q1 Q0 d2 1 7.6 bert"),
        "line 1: q1 Q0 d2 1 7.5 bert and q1 Q0 d2 1 7.6 bert",
    ),
    "a measure": (
        lambda run: _json(run / "scores/pydoc.json", {"metrics": {"MRR@10": 0.5, "nDCG@10": math.nan}}),
        "metrics.MRR@10: 0.25 and 0.5",
    ),
    "a key": (
        lambda run: _json(run / "outcome.json", {"verdict": "trained", "seconds": 12.0}),
        "causes: [] and 'nothing'",
    ),
    "a table": (
        lambda run: (run / "../../../../../tables/main.csv").write_text("backbone,MRR@10\nbert,0.26\n"),
        "row 1, column MRR@10: 0.25 and 0.26",
    ),
    "a file less": (lambda run: (run / "outcome.json").unlink(), "outcome.json: only in the old folder"),
    "a file more": (lambda run: (run / "model/more.json").write_text(""), "more.json: only in the new folder"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_found(two: tuple[Path, Path], change: str, capsys: pytest.CaptureFixture[str]) -> None:
    make, words = CHANGES[change]
    make(two[1] / RUN)
    assert compare_results.main([str(folder) for folder in two]) == 1
    assert words in capsys.readouterr().out


def test_a_pattern_leaves_the_rest_out(two: tuple[Path, Path]) -> None:
    (two[1] / RUN / "outcome.json").unlink()
    assert compare_results.main([*map(str, two), "--only", "*/model/*"]) == 0


def test_a_key_that_moved_with_its_value_is_no_difference(two: tuple[Path, Path]) -> None:
    scores = [folder / RUN / "scores/pydoc.json" for folder in two]
    _json(scores[0], {"sparsity": {"flops": 1.5, "index_bytes": 9}})
    _json(scores[1], {"sparsity": {"flops": 1.5}, "timings": {"index_bytes": 9}})
    assert compare_results.main([str(folder) for folder in two]) == 0
    _json(scores[1], {"sparsity": {"flops": 1.5}, "timings": {"index_bytes": 8}})
    assert compare_results.main([str(folder) for folder in two]) == 1


def test_what_is_meant_can_be_allowed(two: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    (two[1] / RUN / "model/splade.json").write_text("{}")
    (two[1] / "tables/main.csv").write_text("backbone,MRR@10\nbert,0.26\n")
    folders = [str(folder) for folder in two]
    assert compare_results.main([*folders, "--allow", "splade.json: only in the new folder"]) == 1
    assert "splade.json" not in capsys.readouterr().out
    assert (
        compare_results.main([*folders, "--allow", "splade.json: only in the new folder", "--allow", "MRR@10: *"]) == 0
    )


def test_a_folder_that_is_none_and_one_without_files(tmp_path: Path) -> None:
    assert compare_results.main([str(tmp_path), str(tmp_path / "nowhere")]) == 2
    assert compare_results.main([str(tmp_path), str(tmp_path)]) == 2
