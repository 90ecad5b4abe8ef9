"""Layers that keep less for the backward pass, against the modules of peft and transformers as they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rescalade.models import thrifty
from rescalade.models.lora import adapted_layers, add_adapters
from rescalade.models.lora_settings import LoraSettings
from rescalade.models.recompute import keep_layers, recompute_layers
from support.families import tiny_form

IDS = torch.arange(3, 23).view(4, 5)
BERT = ("query", "key", "value", "dense")
FORMS = [("llama, tied", LoraSettings().targets), ("qwen3", LoraSettings().targets), ("bert", BERT)]


def adapted(form: str, targets: tuple[str, ...], dropout: float = 0.0) -> Any:
    """In float64 and training mode, with B that is not 0."""
    model = tiny_form(form)
    add_adapters(model, LoraSettings(rank=2, alpha=3, dropout=dropout, targets=targets), seed=1)
    for number, (name, part) in enumerate(model.named_parameters()):
        if ".lora_B." in name:
            part.data.normal_(std=0.3, generator=torch.Generator().manual_seed(number))
    for layer in model.modules():
        if isinstance(layer, nn.Dropout) and not dropout:
            layer.p = 0.0
    return model.double().train()


def gradients(model: Any) -> dict[str, Tensor]:
    model.zero_grad()
    logits = model(input_ids=IDS, attention_mask=torch.ones_like(IDS)).logits
    (logits * torch.linspace(-1, 1, logits.numel(), dtype=logits.dtype).view_as(logits)).sum().backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def kept(model: Any) -> int:
    """Bytes that autograd holds after a forward pass, beside the parameters."""
    own = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    found: dict[int, Any] = {}

    def hold(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            found[storage.data_ptr()] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(hold, lambda tensor: tensor):
        logits = model(input_ids=IDS, attention_mask=torch.ones_like(IDS)).logits
    assert logits.requires_grad
    return sum(storage.nbytes() for storage in found.values())


@pytest.mark.parametrize(("form", "targets"), FORMS)
def test_gradients_are_those_of_the_modules(form: str, targets: tuple[str, ...]) -> None:
    model = adapted(form, targets)
    first, small = gradients(model), kept(model)
    if form != "bert":
        recompute_layers(model)
        assert all(torch.equal(value, first[name]) for name, value in gradients(model).items())
        keep_layers(model)
    thrifty.keep_all(model)
    assert not any("forward" in vars(layer) for layer in adapted_layers(model).values())
    plain = gradients(model)
    assert first.keys() == plain.keys() and all(".lora_" in name for name in plain)
    for name, value in plain.items():
        torch.testing.assert_close(first[name], value, rtol=1e-9, atol=1e-12, msg=name)
    assert small < (0.95 if form == "bert" else 0.8) * kept(model)


@pytest.mark.parametrize(("form", "targets"), FORMS)
def test_dropout_is_drawn_from_the_seed_and_costs_bits(form: str, targets: tuple[str, ...]) -> None:
    model, found = adapted(form, targets, dropout=0.5), []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        found.append(gradients(model))
    assert all(torch.equal(value, found[1][name]) for name, value in found[0].items())
    assert any(not torch.equal(value, found[2][name]) for name, value in found[0].items())
    small = kept(model)
    thrifty.keep_all(model)
    assert small < (0.75 if form == "bert" else 0.5) * kept(model)


def test_dropout_leaves_out_its_share_and_its_gradient_goes_where_it_went() -> None:
    """W = 0, A = B = 1: the layer is dropout alone."""
    model = adapted("llama, tied", ("o_proj",), dropout=0.2)
    layer = next(iter(adapted_layers(model).values()))
    width = layer.in_features
    layer.base_layer.weight.data.zero_()
    layer.lora_A["default"].weight = nn.Parameter(torch.eye(width, dtype=torch.float64))
    layer.lora_B["default"].weight = nn.Parameter(torch.eye(width, dtype=torch.float64))
    x = torch.ones(4000, width, dtype=torch.float64, requires_grad=True)
    found = layer(x)
    scale = 3 / 2 / 0.8
    assert set(found.detach().unique().tolist()) == {0.0, scale}
    assert float((found == 0).double().mean()) == pytest.approx(0.2, abs=0.01)
    found.sum().backward()
    assert torch.equal(x.grad, found.detach())
    ones = torch.ones(width, dtype=torch.float64)
    torch.testing.assert_close(layer.lora_B["default"].weight.grad, torch.outer(ones, found.detach().sum(0)))
    layer.eval()
    assert torch.equal(layer(x).detach(), torch.full_like(x, 3 / 2))


def test_what_was_written_over_is_not_made_again() -> None:
    model = adapted("llama, tied", LoraSettings().targets)
    block = model.model.layers[0]
    x = torch.randn(2, 3, model.config.hidden_size, dtype=torch.float64, requires_grad=True)
    found = []
    for change in (lambda normed: normed.mul_(2), lambda normed: normed * 2):
        model.zero_grad()
        block.mlp(change(block.post_attention_layernorm(x))).square().sum().backward()
        found.append(block.mlp.gate_proj.lora_A["default"].weight.grad.clone())
    torch.testing.assert_close(*found, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("act", [lambda x: x, nn.SiLU()])
def test_only_a_block_that_is_gated_is_taken_for_one(act: Callable[[Tensor], Tensor]) -> None:
    class Block(nn.Module):
        def __init__(self, factor: float) -> None:
            super().__init__()
            self.gate_proj, self.up_proj, self.down_proj = (nn.Linear(3, 3) for _ in range(3))
            self.act_fn, self.factor = act, factor

        def forward(self, x: Tensor) -> Tensor:
            product = self.act_fn(self.gate_proj(x)) * self.up_proj(x)
            return self.down_proj(product if self.factor == 1 else self.factor * product)  # type: ignore[no-any-return]

    assert thrifty._is_gated(Block(1.0)) is isinstance(act, nn.SiLU)
    assert not thrifty._is_gated(Block(0.5))
