"""The CUDA kernels on a real GPU, where there is one."""

from __future__ import annotations

import pytest
import torch

from rescalade.splade.pooling import term_weights
from support.pooling_oracle import Problem, oracle

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


def on_device(problem: Problem) -> list[torch.Tensor]:
    leaves = [tensor.cuda().requires_grad_() for tensor in (problem.hidden, problem.weight, problem.bias)]
    values = term_weights(leaves[0], problem.offsets, leaves[1], leaves[2], backend="triton")
    return [values.detach(), *torch.autograd.grad((values * problem.upstream.cuda()).sum(), leaves)]


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("shift", [-3.0, 0.0, 5.0])
@pytest.mark.parametrize("width", [96, 100])
def test_values_and_gradients(kind: torch.dtype, shift: float, width: int) -> None:
    problem = Problem.random(1, [3, 0, 70, 300, 1], width, 700, shift)
    problem.hidden, problem.weight = problem.hidden.to(kind), problem.weight.to(kind).float()
    ours = on_device(problem)
    for left, right in zip(ours, on_device(problem), strict=True):
        assert torch.equal(left, right)  # the same bits in every run
    problem.hidden = problem.hidden.float()
    for place, (left, right) in enumerate(zip(ours, oracle(problem), strict=True)):
        # the gradient of the hidden states is rounded to their type, the rest are float32 sums
        tolerance = max(1e-4, torch.finfo(kind).eps) if place == 1 else 1e-4
        torch.testing.assert_close(left.double().cpu(), right, rtol=tolerance, atol=tolerance)


def test_ties_go_to_the_first_token() -> None:
    problem = Problem.whole_numbers(2, [200, 40], 4, 300)
    for left, right in zip(on_device(problem), oracle(problem), strict=True):
        torch.testing.assert_close(left.double().cpu(), right, rtol=1e-5, atol=1e-5)
