"""The pooling that sums: values and gradients against plain torch, text by text and without chunks."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from rescalade.splade import summed
from rescalade.splade.summed import summed_weights


def test_one_text_of_two_tokens_by_hand() -> None:
    hidden, weight = torch.tensor([[1.0], [3.0]]), torch.tensor([[1.0], [-1.0]])
    found = summed_weights(hidden, torch.tensor([0, 2, 2]), weight, torch.tensor([0.0, 2.0]))
    assert found.tolist() == [[pytest.approx(math.log(2) + math.log(4)), pytest.approx(math.log(2))], [0.0, 0.0]]
    twice = summed_weights(hidden, torch.tensor([0, 2]), weight, None, "log1p_relu")
    assert twice.tolist() == [[pytest.approx(math.log(1 + math.log(2)) + math.log(1 + math.log(4))), 0.0]]


def plain(hidden: Tensor, weight: Tensor, bias: Tensor, twice: bool, cap: float | Tensor | None) -> Tensor:
    logits = hidden @ weight.T + bias
    if cap is not None:
        logits = cap * torch.tanh(logits / cap)
    weights = torch.log1p(torch.relu(logits))
    return torch.log1p(weights) if twice else weights


@pytest.mark.parametrize(("cap", "learnt"), [(None, False), (1.5, False), (1.5, True)])
@pytest.mark.parametrize("activation", ["relu", "log1p_relu"])
def test_values_and_gradients_are_those_of_plain_torch(
    activation: str, cap: float | None, learnt: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(summed, "BUDGET", 16)  # chunks of 16 of the 40 terms
    made = torch.Generator().manual_seed(1)
    operands = [torch.randn(*shape, generator=made, dtype=torch.float64) for shape in ((9, 5), (40, 5), (40,))]
    offsets = torch.tensor([0, 4, 4, 9])
    mine = [operand.clone().requires_grad_() for operand in operands]
    theirs = [operand.clone().requires_grad_() for operand in operands]
    caps: list[Any] = [cap, cap]
    if learnt:
        caps = [torch.tensor(cap, dtype=torch.float64, requires_grad=True) for _ in range(2)]
        mine, theirs = [*mine, caps[0]], [*theirs, caps[1]]
    found = summed_weights(mine[0], offsets, mine[1], mine[2], activation, caps[0])  # type: ignore[arg-type]
    tokens = plain(*theirs[:3], activation == "log1p_relu", caps[1])  # type: ignore[call-arg]
    expected = torch.stack([tokens[:4].sum(0), tokens[:0].sum(0), tokens[4:].sum(0)])
    torch.testing.assert_close(found, expected)
    upstream = torch.randn(3, 40, generator=made, dtype=torch.float64)
    found.backward(upstream)
    expected.backward(upstream)
    for one, other in zip(mine, theirs, strict=True):
        torch.testing.assert_close(one.grad, other.grad)
