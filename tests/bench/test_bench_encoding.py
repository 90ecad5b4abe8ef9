"""The benchmark of encoding on a GPU, tried on the CPU."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch

import bench_encoding_gpu
import gpu_record
from encoding_problem import ACTIVE
from rescalade.errors import UserError


def test_it_runs_through_on_a_small_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_encoding_gpu, "BATCHES", (8,))
    rows = bench_encoding_gpu.run("tiny", 24, 8, torch.device("cpu"), 512)
    assert {name: row["texts"] for name, row in rows.items()} == {
        "ours, fp32": 24,
        "SparseEncoder, fp32": 8,
        "ours, bf16": 24,
        "SparseEncoder, bf16": 8,
    }
    for row in rows.values():
        assert row["documents_per_second"] == pytest.approx(row["texts"] / row["seconds"])
    assert rows["ours, fp32"]["active_terms"] == pytest.approx(ACTIVE, rel=0.3)
    assert bench_encoding_gpu.table(rows).count("documents/s") == 4


@pytest.mark.skipif(torch.cuda.is_available(), reason="here it would run")
def test_without_a_gpu_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["bench_encoding_gpu.py"])
    with pytest.raises(UserError, match="no CUDA device"):
        bench_encoding_gpu.main()


def test_figures_are_kept_with_machine_and_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "results").mkdir()
    monkeypatch.setattr(gpu_record, "__file__", str(tmp_path / "gpu_record.py"))
    gpu_record.keep("encoding", ["--texts", "5"], {"rows": {"ours, fp32": {"texts": 5}}})
    record = json.loads((tmp_path / "results" / "encoding_gpu.json").read_text())
    assert record["command"] == "python bench/bench_encoding_gpu.py --texts 5"
    assert record["rows"]["ours, fp32"] == {"texts": 5}
    assert record["made"]["packages"]["torch"] and record["peer"].startswith("sentence-transformers ")
