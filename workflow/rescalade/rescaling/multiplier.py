"""Mode `multiplier`: the logits are divided at run time and no weight changes.

Files cannot hold that: transformers' formats know weights only. So a model is baked when it is saved (the division
moves into the norm before the decoder, or into W where there is no such norm) and unbaked when training goes on
from it. At powers of two both ways are exact.

The division is kept on the module that makes the logits, and carried out by a hook that reads it there, so a deep copy
of a model carries a division of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from rescalade.models.locate import Head, locate_head

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_ATTRIBUTE = "_rescalade_multiplier"


@dataclass
class Multiplier:
    """The division that a model carries at run time.

    scale: k. bias: whether the bias is divided too; otherwise logits are h Wᵀ / k + b. active: whether the hook
    carries it out; someone else may, the pooling for example.
    """

    scale: float
    bias: bool
    active: bool = True


def carried_by(head: Head) -> Multiplier | None:
    """The run-time division of the model that a located head belongs to, None where it has none."""
    return getattr(head.projection.module, _ATTRIBUTE, None)


def attach(model: PreTrainedModel, scale: float, bias: bool) -> None:
    """Divide the logits of a model from now on, without touching its weights."""
    head = locate_head(model)
    _carry(head, Multiplier(scale, bias))
    if head.soft_cap is not None:  # c tanh(x / c) / k is the same with x and c divided
        model.config.final_logit_softcapping = head.soft_cap / scale


def bake(model: PreTrainedModel) -> None:
    """Move the division into the weights; the function stays. Nothing happens to a model without one."""
    head = locate_head(model)
    carried = carried_by(head)
    if carried is not None:
        delattr(head.projection.module, _ATTRIBUTE)
        _divide_weights(head, carried.scale, carried.bias)


def unbake(model: PreTrainedModel, scale: float, bias: bool) -> None:
    """Move the division out of the weights of a baked model; the function stays."""
    head = locate_head(model)
    _divide_weights(head, 1 / scale, bias)
    _carry(head, Multiplier(scale, bias))


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


def _divide_weights(head: Head, scale: float, bias: bool) -> None:
    with torch.no_grad():
        if head.norm is not None:
            divide_norm(head, scale)
        else:
            for part in head.projection.parts:
                part.div_(scale)
        if bias and head.bias is not None:
            head.bias.div_(scale)


def _carry(head: Head, carried: Multiplier) -> None:
    module = head.projection.module
    setattr(module, _ATTRIBUTE, carried)
    if _divide not in module._forward_hooks.values():
        module.register_forward_hook(_divide)


def _divide(module: nn.Module, arguments: Any, logits: Tensor) -> Tensor:
    carried: Multiplier | None = getattr(module, _ATTRIBUTE, None)
    if carried is None or not carried.active:
        return logits
    bias: Tensor | None = getattr(getattr(module, "decoder", module), "bias", None)
    if carried.bias or bias is None:
        return logits / carried.scale
    return (logits - bias) / carried.scale + bias
