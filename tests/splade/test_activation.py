"""The double logarithm: gradients against dense autograd, in every head family and behind every back end."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from rescalade.models.locate import locate_head
from rescalade.rescaling.divide import apply, refused
from rescalade.splade.backends import choose
from rescalade.splade.backends.choose import Backend
from rescalade.splade.model import SpladeModel
from rescalade.variants import Variant
from support.families import FORMS, tiny_form

BACKENDS: tuple[Backend, ...] = ("triton",) if choose.interpreted() else ("portable", "numba", "screen")
IDS = torch.arange(3, 35).reshape(2, 16)
REAL = torch.tensor([[True] * 16, [True] * 11 + [False] * 5])


def dense(logits: Tensor) -> Tensor:
    """[B, V] from logits [B, L, V] by the definition: each token's weight, then the maximum over those that count."""
    weights = torch.log(1 + torch.log(1 + torch.clamp_min(logits, 0)))
    return weights.masked_fill(~REAL.unsqueeze(-1), 0).amax(1)


def gradients(model: SpladeModel, weights: Tensor) -> dict[str, Tensor]:
    """Of a loss in which every term weight counts otherwise."""
    model.zero_grad()
    upstream = torch.linspace(-1, 2, weights.numel(), dtype=weights.dtype).reshape(weights.shape)
    (weights * upstream).sum().backward()
    return {name: p.grad for name, p in model.masked_lm.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("form", FORMS)
def test_gradients_are_those_of_dense_autograd_in_float64(form: str) -> None:
    """Divided at run time, which the pooling carries out itself, where the head can be."""
    model = tiny_form(form).double()
    variant = Variant(4.0, "multiplier")
    if refused(locate_head(model), variant) is None:
        apply(model, variant)
    splade = SpladeModel(model, activation="log1p_relu")
    mask = torch.ones_like(IDS)
    found = splade(IDS, mask, REAL)
    mine = gradients(splade, found)
    splade.restore_decoder()
    expected = dense(model(input_ids=IDS, attention_mask=mask).logits)
    assert float((expected > 0).double().mean()) > 0.1
    torch.testing.assert_close(found, expected)
    theirs = gradients(splade, expected)
    assert mine.keys() == theirs.keys()
    for name, gradient in theirs.items():
        torch.testing.assert_close(mine[name], gradient, rtol=1e-9, atol=1e-12, msg=name)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_double_logarithm_behind_each_back_end(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose, "multiplies_bfloat16", lambda: True)
    model = tiny_form("bert")
    splade = SpladeModel(model, activation="log1p_relu")
    hidden = splade.decoder_inputs(IDS, torch.ones_like(IDS))[REAL]
    found = splade.pool(hidden, torch.tensor([0, 16, 27]), backend)
    mine = gradients(splade, found)
    splade.restore_decoder()
    expected = dense(model(input_ids=IDS, attention_mask=torch.ones_like(IDS)).logits)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    for name, gradient in gradients(splade, expected).items():
        torch.testing.assert_close(mine[name], gradient, rtol=1e-4, atol=1e-5, msg=name)
