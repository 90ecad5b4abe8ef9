"""The head's benchmarks: their contenders compute the same, their goals read the figures rightly."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import torch

import bench_head_gpu
import gpu_contenders
import head_contenders
from head_goals import lines, verdicts
from head_problem import PoolingProblem
from rescalade.splade.backends import choose
from support.graph import REPOSITORY
from support.pooling_oracle import Problem, oracle


@pytest.fixture
def problem() -> PoolingProblem:
    return PoolingProblem.random((4, 9, 12, 70), 0.3, 0.6)


def expected(problem: PoolingProblem) -> list[torch.Tensor]:
    """Term weights and gradients by brute force; hidden's in the packed rows."""
    lengths = problem.mask.sum(1).tolist()
    offsets = torch.tensor([0, *torch.tensor(lengths).cumsum(0).tolist()])
    packed = problem.hidden[problem.mask]
    return oracle(Problem(packed, offsets, problem.weight, problem.bias, problem.upstream))


@pytest.mark.parametrize(
    ("module", "name"),
    [(head_contenders, name) for name in head_contenders.NAMES if name != "gemm"]
    + [(gpu_contenders, name) for name in gpu_contenders.NAMES if name != "cublas"],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_contenders_agree_with_brute_force(
    module: Any, name: str, problem: PoolingProblem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choose, "multiplies_bfloat16", lambda: True)
    monkeypatch.setattr(choose, "bfloat16_is_faster", lambda: True)
    compute = module.contender(name, problem if module is head_contenders else problem.mask)
    leaves = [tensor.clone().requires_grad_() for tensor in (problem.hidden, problem.weight, problem.bias)]
    values = compute(*leaves)
    gradients = list(torch.autograd.grad(values, leaves, problem.upstream))
    gradients[0] = gradients[0][problem.mask]
    for ours, theirs in zip([values.detach(), *gradients], expected(problem), strict=True):
        torch.testing.assert_close(ours.double(), theirs, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize(("active", "density"), [(0.01, 1.0), (1.0, 0.67), (0.1, 0.5)])
def test_the_problem_is_what_it_says(active: float, density: float) -> None:
    problem = PoolingProblem.random((16, 60, 32, 2500), active, density)
    logits = (problem.hidden @ problem.weight.t() + problem.bias).masked_fill(~problem.mask[:, :, None], -1e9)
    assert float((logits.amax(1) > 0).float().mean()) == pytest.approx(active, rel=0.4)
    assert problem.tokens / problem.mask.numel() == pytest.approx(density, abs=0.03)


def test_the_gpu_benchmark_runs_through_on_small_shapes() -> None:
    results = bench_head_gpu.run((1, 6, 8, 40), torch.device("cpu"), rounds=1)
    assert set(results) == set(bench_head_gpu.CASES)
    for rows in results.values():
        assert set(rows) == set(gpu_contenders.NAMES)
        assert all(row["forward_ms"] > 0 for row in rows.values())
        assert rows["triton"]["same_bits"]
    assert "times as fast as sparton_restated" in bench_head_gpu.table(results)
    results[next(iter(results))]["splade_pooling"] = {"out_of_memory": True}
    assert "splade_pooling    out of memory" in bench_head_gpu.table(results)


@pytest.mark.skipif(torch.cuda.is_available(), reason="here it would run")
def test_without_a_gpu_it_says_so() -> None:
    command = [sys.executable, "bench/bench_head_gpu.py"]
    ended = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert [line for line in ended.stderr.splitlines() if "error" in line] == [
        "error: no CUDA device: this benchmark needs one; bench/bench_head.py measures the CPU"
    ]
    assert "Traceback" not in ended.stderr


def test_verdicts_by_hand() -> None:
    peer = {"forward_backward_s": 6.0, "forward_s": 3.0, "added_peak_mb": 2000.0}
    ours = {"forward_backward_s": 1.0, "forward_s": 1.2, "added_peak_mb": 125.0}
    rows = {"splade_pooling": peer, "numba": ours, "gemm": {"forward_s": 1.0}}
    found = verdicts({"1 % active": rows})
    assert [(goal["value"], goal["met"]) for goal in found] == [(6.0, True), (16.0, False), (1.2, False)]
    assert "6.0 times as fast, 1/16 of the memory" in lines("numba", rows)
    assert "backward" not in lines("gemm", rows)
