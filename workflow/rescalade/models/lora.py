"""Low-rank adapters: put into the linear layers of a model, trained in place of its weights, and merged into them.

    x Wᵀ + (alpha / r) x Aᵀ Bᵀ,   A [r, in], B [out, r], W frozen; merged: W + (alpha / r) B A

A starts at random and B at 0, so the model is the same function at first. Source: Hu et al., arXiv 2106.09685; the
layers are those of peft.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from rescalade.errors import UserError
from rescalade.models.half_matrices import halve_matrices
from rescalade.models.locate import family_of, locate_head
from rescalade.models.thrifty import keep_all, keep_less

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from rescalade.models.lora_settings import LoraSettings

NAME = "default"
"""Of the adapter inside peft's layers."""


def add_adapters(model: PreTrainedModel, settings: LoraSettings, seed: int) -> None:
    """Freeze a model and put adapters into it, in place; only these can be trained then.

    Output projection and embeddings stay as they are, tied or not.

    Args:
        seed: of A.

    Raises:
        UserError: a target is not in the model, or the package peft is not installed.
    """
    modules = _targets(model, settings)
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError:
        raise UserError(
            "lora: the package peft is not installed; pip install 'rescalade[csplade]', or leave lora out"
        ) from None
    wanted = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.scale * settings.rank,  # type: ignore[arg-type]  # any number serves
        lora_dropout=settings.dropout,
        target_modules=modules,
        bias="none",
    )
    model.requires_grad_(False)
    if settings.frozen_weights == "bf16":
        halve_matrices(model)  # not vectors: a norm's weight in bf16 would spare nothing
    with torch.random.fork_rng(devices=[]), _seeming_float32(model):
        torch.manual_seed(seed)
        inject_adapter_in_model(wanted, model, NAME)
    keep_less(model, NAME)


@contextmanager
def _seeming_float32(model: PreTrainedModel) -> Iterator[None]:
    """Show peft float32 matrices without memory behind them: it gives an adapter the type of what it adapts."""
    halved = [(parameter, parameter.data) for parameter in model.parameters() if parameter.dtype == torch.bfloat16]
    for parameter, data in halved:
        parameter.data = torch.zeros((), dtype=torch.float32, device=data.device).expand(data.shape)
    try:
        yield
    finally:
        for parameter, data in halved:
            parameter.data = data


def merge_adapters(model: PreTrainedModel) -> None:
    """Make the adapters part of the weights, all of them float32 then, and take them out; the function stays.

    Nothing happens to a model without adapters. Frozen bfloat16 weights become float32 before the sum, so that only
    the adapters' part is rounded, to float32.
    """
    layers = adapted_layers(model)
    if not layers:
        return
    keep_all(model)
    model.float()
    for name, layer in layers.items():
        base = layer.get_base_layer()
        with torch.no_grad():
            base.weight += layer.get_delta_weight(NAME)
        path, _, leaf = name.rpartition(".")
        setattr(model.get_submodule(path), leaf, base)
    del model.peft_config
    model.requires_grad_(True)


def adapted_layers(model: nn.Module) -> dict[str, Any]:
    """The layers with an adapter, by their names."""
    return {name: module for name, module in model.named_modules() if hasattr(module, "lora_A")}


def _targets(model: PreTrainedModel, settings: LoraSettings) -> list[str]:
    """Names of the layers that get an adapter.

    Raises:
        UserError: a target names none.
    """
    head = family_of(str(model.config.model_type)).weights
    projection = locate_head(model).projection.module
    shared = {name for pair in model.all_tied_weights_keys.items() for name in pair}
    linear = [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear)
        and module is not projection
        and not name.startswith(head)
        and f"{name}.weight" not in shared  # merged into one of two tied layers, the change would reach both
    ]
    for target in settings.targets:
        if not any(_named(name, target) for name in linear):
            known = ", ".join(sorted({name.rpartition(".")[2] for name in linear}))
            raise UserError(
                f"lora.targets: {target!r} is no linear layer below the head of this {model.config.model_type} model; "
                f"there are {known}"
            )
    return [name for name in linear if any(_named(name, target) for target in settings.targets)]


def _named(name: str, target: str) -> bool:
    return name == target or name.endswith(f".{target}")
