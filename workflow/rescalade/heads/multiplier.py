"""Mode `multiplier`: the logits are divided at run time and no weight changes.

Files cannot hold that: transformers' formats know weights only. So a model is baked when it is saved (the division
moves into the norm before the decoder, or into W where there is no such norm) and unbaked when training goes on
from it. At powers of two both ways are exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from rescalade.heads.locate import Head, locate_head

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_ATTRIBUTE = "_rescalade_multiplier"


@dataclass
class Multiplier:
    """The division that a model carries at run time.

    scale: k. bias: whether the bias is divided too; otherwise logits are h Wᵀ / k + b.
    """

    scale: float
    bias: bool
    handle: Any = None


def multiplier_of(model: PreTrainedModel) -> Multiplier | None:
    """The run-time division of a model, None where it has none."""
    return getattr(model, _ATTRIBUTE, None)


def attach(model: PreTrainedModel, scale: float, bias: bool) -> None:
    """Divide the logits of a model from now on, without touching its weights."""
    head = locate_head(model)
    carried = Multiplier(scale, bias)
    setattr(model, _ATTRIBUTE, carried)
    if head.soft_cap is not None:  # c tanh(x / c) / k is the same with x and c divided
        model.config.final_logit_softcapping = head.soft_cap / scale
    resume(model)


def suspend(model: PreTrainedModel) -> None:
    """Leave the division to someone else, the fused head for example, until `resume`."""
    carried = multiplier_of(model)
    if carried is not None and carried.handle is not None:
        carried.handle.remove()
        carried.handle = None


def resume(model: PreTrainedModel) -> None:
    """Divide the logits again."""
    carried = multiplier_of(model)
    if carried is None or carried.handle is not None:
        return
    head = locate_head(model)

    def divide(module: nn.Module, arguments: Any, logits: Tensor) -> Tensor:
        if carried.bias or head.bias is None:
            return logits / carried.scale
        return (logits - head.bias) / carried.scale + head.bias

    carried.handle = head.projection.module.register_forward_hook(divide)


def bake(model: PreTrainedModel) -> None:
    """Move the division into the weights; the function stays."""
    _move(model, divide=True)


def unbake(model: PreTrainedModel, scale: float, bias: bool) -> None:
    """Move the division out of the weights of a baked model; the function stays."""
    setattr(model, _ATTRIBUTE, Multiplier(scale, bias))
    _move(model, divide=False)
    resume(model)


def _move(model: PreTrainedModel, *, divide: bool) -> None:
    carried = multiplier_of(model)
    if carried is None:
        return
    factor = carried.scale if divide else 1 / carried.scale
    suspend(model)
    head = locate_head(model)
    with torch.no_grad():
        if head.norm is not None:
            divide_norm(head, factor)
        else:
            for part in head.projection.parts:
                part.div_(factor)
        if carried.bias and head.bias is not None:
            head.bias.div_(factor)
    if divide:
        delattr(model, _ATTRIBUTE)


def divide_norm(head: Head, scale: float) -> None:
    """Divide the output of the norm before the decoder: weight and bias, or 1 + weight where that is what it uses."""
    norm: Any = head.norm
    with torch.no_grad():
        if head.family.norm_offset:
            norm.weight.add_(1).div_(scale).sub_(1)
        else:
            norm.weight.div_(scale)
        if getattr(norm, "bias", None) is not None:
            norm.bias.div_(scale)
