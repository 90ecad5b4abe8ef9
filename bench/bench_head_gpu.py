"""The pooling on a CUDA device against SpladePooling and against Sparton's design in plain PyTorch.

    python bench/bench_head_gpu.py [triples length D V]

bfloat16 hidden states, float32 weights of the model, forward with backward and forward alone, at several shares of
real tokens; tokens per second of real tokens, median of several rounds by CUDA events, peak allocated memory beyond
the inputs and gradients, and whether two runs give the same bits. cuBLAS alone, over the packed tokens, is the limit
of the forward pass. Writes bench/results/head_gpu.json.
"""

from __future__ import annotations

import sys
from typing import Any

import torch

from gpu_contenders import NAMES, contender
from gpu_measure import figures
from gpu_record import keep
from head_problem import PoolingProblem
from rescalade.errors import UserError

SHAPE = (64, 256, 768, 50368)
"""Triples, tokens per text, width and vocabulary of ModernBERT-base; a triple is a query and two documents."""

TEXTS_PER_TRIPLE = 3

CASES = {
    "1 % active, no padding": {"active": 0.01, "density": 1.0},
    "all active, no padding": {"active": 1.0, "density": 1.0},
    "1 % active, density 0.67": {"active": 0.01, "density": 0.67},
    "all active, density 0.67": {"active": 1.0, "density": 0.67},
}

GOALS = {"sparton_restated": 1.3, "cublas": 1.15}
"""Forward and backward at least 1.3 times as fast at density <= 0.7; forward at most 1.15 times cuBLAS."""


def run(shape: tuple[int, int, int, int], device: torch.device, rounds: int) -> dict[str, Any]:
    """All contenders on all cases: {case: {contender: figures}}; on a CPU for tests of this program."""
    triples, length, width, vocabulary = shape
    kind = torch.bfloat16 if device.type == "cuda" else torch.float32
    results: dict[str, Any] = {}
    for case, how in CASES.items():
        problem = PoolingProblem.random((triples * TEXTS_PER_TRIPLE, length, width, vocabulary), **how)
        results[case] = {}
        for name in NAMES:
            compute = contender(name, problem.mask.to(device))
            try:
                results[case][name] = figures(compute, problem, device, kind, rounds, backward=name != "cublas")
            except torch.cuda.OutOfMemoryError:
                results[case][name] = {"out_of_memory": True}  # a result, too
                torch.cuda.empty_cache()
    return results


def table(results: dict[str, Any]) -> str:
    """The figures as text, with the ratios that the goals ask for."""
    text = []
    for case, rows in results.items():
        text.append(case)
        for name, row in rows.items():
            if "out_of_memory" in row:
                text.append(f"  {name:17s} out of memory")
                continue
            line = f"  {name:17s} forward {row['forward_ms']:9.3f} ms"
            if "forward_backward_ms" in row:
                line += f"  with backward {row['forward_backward_ms']:9.3f} ms  {row['tokens_per_second']:.3g} tokens/s"
                line += f"  peak +{row['added_peak_mb']:.0f} MB  {'same bits' if row['same_bits'] else 'varying bits'}"
            text.append(line)
        ours = rows["triton"]
        for name, key in (("sparton_restated", "forward_backward_ms"), ("splade_pooling", "forward_backward_ms")):
            if key in ours and key in rows[name]:
                text.append(f"  triton is {rows[name][key] / ours[key]:.2f} times as fast as {name}")
        if "forward_ms" in ours:
            ratio = ours["forward_ms"] / rows["cublas"]["forward_ms"]
            text.append(f"  triton's forward takes {ratio:.2f} times cuBLAS on packed tokens")
    text.append(
        f"goals: {GOALS['sparton_restated']} times sparton_restated at density <= 0.7, {GOALS['cublas']} cuBLAS"
    )
    return "\n".join(text)


def main() -> None:
    """Measure, print, keep."""
    if not torch.cuda.is_available():
        raise UserError("no CUDA device: this benchmark needs one; bench/bench_head.py measures the CPU")
    shape = tuple(map(int, sys.argv[1:])) or SHAPE
    results = run(shape, torch.device("cuda"), rounds=20)  # type: ignore[arg-type]
    print(table(results))
    keep("head", list(map(str, shape)), {"triples_L_D_V": shape, "cases": CASES, "rows": results})


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
