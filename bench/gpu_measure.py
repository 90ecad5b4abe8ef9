"""Time, memory and repeatability of one contender on a device."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

from gpu_contenders import Compute
from head_problem import PoolingProblem

WARM_UP = 3


def figures(
    compute: Compute, problem: PoolingProblem, device: torch.device, kind: torch.dtype, rounds: int, backward: bool
) -> dict[str, Any]:
    """Median milliseconds of `rounds`, tokens per second, added peak in MB of 2^20 bytes, same bits twice or not."""
    hidden = problem.hidden.to(device, kind).requires_grad_()
    weight, bias = (tensor.to(device).requires_grad_() for tensor in (problem.weight, problem.bias))
    upstream = problem.upstream.to(device)
    leaves = [hidden, weight, bias]

    def step() -> list[torch.Tensor]:
        weights = compute(*leaves)
        assert weights is not None
        return [weights.detach(), *torch.autograd.grad(weights, leaves, upstream.to(weights.dtype))]

    def forward() -> None:
        with torch.no_grad():
            compute(*leaves)

    row: dict[str, Any] = {"tokens": problem.tokens, "forward_ms": milliseconds(forward, device, rounds)}
    if backward:
        first, second = step(), step()
        row["same_bits"] = all(torch.equal(left, right) for left, right in zip(first, second, strict=True))
        row["active"] = float((first[0] > 0).float().mean())
        results = sum(tensor.nbytes for tensor in first)
        del first, second
        row["added_peak_mb"] = (_peak_bytes(step, device) - results) / 2**20
        row["forward_backward_ms"] = milliseconds(step, device, rounds)
        row["tokens_per_second"] = problem.tokens / row["forward_backward_ms"] * 1000
    return row


def milliseconds(call: Callable[[], object], device: torch.device, rounds: int) -> float:
    """Median over the rounds, by CUDA events, or by the clock where there is no GPU."""
    for _ in range(WARM_UP):
        call()
    if device.type != "cuda":
        seconds = []
        for _ in range(rounds):
            start = time.perf_counter()
            call()
            seconds.append(time.perf_counter() - start)
        return statistics.median(seconds) * 1000
    times = []
    for _ in range(rounds):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        call()
        end.record()
        end.synchronize()
        times.append(begin.elapsed_time(end))
    return statistics.median(times)


def _peak_bytes(call: Callable[[], object], device: torch.device) -> int:
    """Bytes allocated at most during the call beyond those before it; 0 where there is no GPU."""
    if device.type != "cuda":
        call()
        return 0
    torch.cuda.synchronize(device)
    before = torch.cuda.memory_allocated(device)
    torch.cuda.reset_peak_memory_stats(device)
    call()
    torch.cuda.synchronize(device)
    return torch.cuda.max_memory_allocated(device) - before
