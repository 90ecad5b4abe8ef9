"""The benchmark of CSPLADE's steps on a GPU, tried on the CPU with a tiny shape."""

from __future__ import annotations

import sys

import pytest
import torch

import bench_csplade_gpu
from rescalade.errors import UserError

CPU = torch.device("cpu")


def test_it_runs_through_on_a_tiny_shape() -> None:
    """2 queries of 8 tokens and 2 documents of 16 for each: 80 tokens a step."""
    (row,) = bench_csplade_gpu.run(["tiny"], 3, CPU).values()
    assert row["tokens"] == 80
    assert row["tokens_per_second"] == pytest.approx(80 / row["step_seconds"])
    layer = 2 * 32 * 32 + 2 * 32 * 16 + 3 * 32 * 64  # queries and output, keys and values, feed-forward
    adapters = 64 * (2 * 64 + 2 * 48 + 3 * 96)  # of rank 64: in and out of each of the seven
    expected = 2 * (500 * 32 + 2 * layer) + 4 * (5 * 32 + 2 * adapters)
    assert row["weights_gb"] * 1e9 == pytest.approx(expected)


def test_shapes_and_settings_are_those_that_are_named() -> None:
    """Numbers of weights as published: 1.24 and 8.03 billion; both recipes hold 32 x 15 negatives and adapters."""
    for shape, weights in (("1b", 1.2358e9), ("8b", 8.0303e9)):
        with torch.device("meta"):
            model = bench_csplade_gpu.LlamaForCausalLM(bench_csplade_gpu.LlamaConfig(**bench_csplade_gpu.SHAPES[shape]))
        assert sum(parameter.numel() for parameter in model.parameters()) == pytest.approx(weights, rel=1e-4)
        found = bench_csplade_gpu.settings_of(shape, 4)
        assert (found.batch_size * found.accumulation, found.negatives, found.max_steps) == (32, 15, 4)
        assert found.lora is not None and found.precision == "bf16"


@pytest.mark.skipif(torch.cuda.is_available(), reason="here it would run")
def test_without_a_gpu_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["bench_csplade_gpu.py"])
    with pytest.raises(UserError, match="no CUDA device"):
        bench_csplade_gpu.main()
