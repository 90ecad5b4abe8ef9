"""The loss of the adaptation phase against all logits at once and torch's own cross-entropy."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from rescalade.adaptation.adapt import _backward
from rescalade.adaptation.loss import adaptation_loss
from rescalade.adaptation.settings import AdaptSettings
from rescalade.models.lora import add_adapters
from rescalade.models.lora_settings import LoraSettings
from rescalade.splade.model import SpladeModel
from support.families import tiny_form

IDS = torch.tensor([[5, 9, 21, 7, 40, 2], [33, 8, 6, 11, 2, 59]])


def dense(logits: Tensor, ids: Tensor, weight: float) -> tuple[Tensor, Tensor, Tensor]:
    """[B, L, V] logits; loss and its two terms, by the paper's words."""
    given, targets = logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten()
    terms = functional.cross_entropy(given, targets), functional.cross_entropy(torch.log1p(given.relu()), targets)
    return terms[0] + weight * terms[1], *terms


def test_two_logits_by_hand() -> None:
    """z = (1, -2), then (0, 3): softmax of the one, of log 2 and log 1, of log 1 and log 4."""
    found = adaptation_loss(
        torch.tensor([[1.0, -2.0], [0.0, 3.0]]), torch.eye(2), None, torch.tensor([0, 0]), sparse_weight=0.5
    )
    next_token = (math.log(1 + math.exp(-3)) + math.log(1 + math.exp(3))) / 2
    sparse = (math.log(3 / 2) + math.log(5)) / 2
    assert float(found.next_token) == pytest.approx(next_token, rel=1e-6)
    assert float(found.sparse) == pytest.approx(sparse, rel=1e-6)
    assert float(found.loss) == pytest.approx(next_token + sparse / 2, rel=1e-6)
    assert float(found.active) == 1.0


@pytest.mark.parametrize("logits", [60, 60 * 3, 2**25], ids=["one position", "three", "all"])
@pytest.mark.parametrize(("form", "weight"), [("llama", 1.0), ("gemma2", 0.3), ("modernbert-decoder", 0.0)])
def test_values_and_gradients_are_those_of_all_logits(form: str, weight: float, logits: int) -> None:
    """Free heads, tied and not, one with a soft cap and one with a bias."""
    model = tiny_form(form)
    parameters = dict(model.named_parameters())
    expected = dense(model(input_ids=IDS, use_cache=False).logits, IDS, weight)
    gradients = dict(zip(parameters, torch.autograd.grad(expected[0], list(parameters.values())), strict=True))
    splade = SpladeModel(model)
    found = adaptation_loss(
        splade.decoder_inputs(IDS, torch.ones_like(IDS))[:, :-1].flatten(0, 1),
        splade.head.weight,
        splade.head.bias,
        IDS[:, 1:].flatten(),
        sparse_weight=weight,
        soft_cap=splade.head.soft_cap,
        logits=logits,
    )
    for ours, theirs in zip(found, expected, strict=False):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)
    found.loss.backward()
    for name, parameter in parameters.items():
        assert parameter.grad is not None
        torch.testing.assert_close(parameter.grad, gradients[name], rtol=1e-4, atol=1e-5, msg=name)


def test_a_frozen_head_gets_no_gradient_and_adapters_the_right_one(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_form("llama, tied")
    add_adapters(model, LoraSettings(rank=2, dropout=0.0), seed=0)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.normal_(std=0.1)
    free = [parameter for parameter in model.parameters() if parameter.requires_grad]
    expected = torch.autograd.grad(dense(model(input_ids=IDS, use_cache=False).logits, IDS, 1.0)[0], free)
    shapes: list[torch.Size] = []
    product = torch.Tensor.__matmul__
    monkeypatch.setattr(torch.Tensor, "__matmul__", lambda a, b: (shapes.append((p := product(a, b)).shape), p)[1])
    measured = _backward(SpladeModel(model), IDS, AdaptSettings(accumulation=2))
    assert shapes and model.lm_head.weight.shape not in shapes
    assert all(parameter.grad is None for parameter in model.parameters() if not parameter.requires_grad)
    for parameter, gradient in zip(free, expected, strict=True):
        assert parameter.grad is not None
        torch.testing.assert_close(2 * parameter.grad, gradient, rtol=1e-4, atol=1e-5)
    assert float(measured[0]) == pytest.approx(float(measured[1] + measured[2]), rel=1e-6)
