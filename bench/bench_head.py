"""The pooling's back ends against sentence-transformers' SpladePooling on materialised logits, on one CPU core.

    python bench/bench_head.py [B L D V]

Least CPU seconds of several rounds, forward with backward and forward alone, and the peak resident memory that the
first round adds; every contender in a process of its own, one after the other. Writes bench/results/head.json.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from head_goals import lines, verdicts

SHAPE = (32, 128, 384, 30522)
CASES = {
    "1 % active": {"active": 0.01, "density": 1.0},
    "all active": {"active": 1.0, "density": 1.0},
    "1 % active, half padding": {"active": 0.01, "density": 0.5},
}
"""Real training begins with all active, and moves towards few."""

WARM_UP = (2, 300, 32, 1100)
ROUNDS = 3


def measure(name: str, case: str, shape: tuple[int, int, int, int], rounds: int) -> dict[str, float]:
    """Figures of one contender; runs in its own process."""
    import torch

    from head_contenders import contender
    from head_problem import PoolingProblem
    from measure import added_peak_mb, cpu_seconds

    torch.set_num_threads(1)
    problem = PoolingProblem.random(shape, **CASES[case])
    compute = contender(name, problem)
    leaves = [tensor.clone().requires_grad_() for tensor in (problem.hidden, problem.weight, problem.bias)]
    for leaf in leaves:
        leaf.grad = torch.zeros_like(leaf)  # the gradients themselves are in nobody's peak
    row: dict[str, float] = {"tokens": problem.tokens}

    def step() -> None:
        weights = compute(*leaves)
        assert weights is not None
        row["active"] = float((weights.detach() > 0).float().mean())
        weights.backward(problem.upstream)

    def forward() -> None:
        with torch.no_grad():
            compute(*leaves)

    if name != "gemm":
        row["added_peak_mb"] = added_peak_mb(step)
        row["forward_backward_s"] = cpu_seconds(step, rounds)
    return {**row, "forward_s": cpu_seconds(forward, rounds)}


def main() -> None:
    """Run all contenders on all cases, print the figures and the goals, keep them."""
    from head_contenders import NAMES
    from rescalade.pipeline.records import environment as machine

    if sys.argv[1:2] == ["--one"]:
        name, case = sys.argv[2:4]
        measure(name, case, WARM_UP, 1)  # compiles and loads, outside the measurement
        print(json.dumps(measure(name, case, tuple(map(int, sys.argv[4:])), ROUNDS)))  # type: ignore[arg-type]
        return
    shape = tuple(map(int, sys.argv[1:])) or SHAPE
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    results: dict[str, dict[str, Any]] = {}
    for case in CASES:
        results[case] = {}
        print(f"{case}, (B, L, D, V) = {shape}")
        for name in NAMES:
            command = [sys.executable, __file__, "--one", name, case, *map(str, shape)]
            ended = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
            if ended.returncode:
                reason = ended.stderr.strip().splitlines()[-1]
                print(f"  {name:15s} not run: {reason}")
                continue
            results[case][name] = json.loads(ended.stdout.splitlines()[-1])
            print(lines(name, results[case]), flush=True)
    goals = verdicts(results)
    for goal in goals:
        print(f"{'met   ' if goal['met'] else 'MISSED'} {goal['goal']}: {goal['value']:.2f}")
    path = Path(__file__).parent / "results" / "head.json"
    path.parent.mkdir(exist_ok=True)
    command_line = " ".join(["python bench/bench_head.py", *map(str, shape)])
    record = {
        "shape_B_L_D_V": shape,
        "cases": CASES,
        "rows": results,
        "goals": goals,
        "rounds": ROUNDS,
        "load": os.getloadavg(),
    }
    path.write_text(json.dumps({**record, "made": machine(), "command": command_line}, indent=1) + "\n")


if __name__ == "__main__":
    main()
