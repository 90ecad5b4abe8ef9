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


def bake(model: PreTrainedModel) -> None:
    """Move the division into the weights; the function stays. Nothing happens to a model without one."""
    head = locate_head(model)
    carried = carried_by(head)
    if carried is not None:
        delattr(head.projection.module, _ATTRIBUTE)
        divide_weights(head, carried.scale, carried.bias, by_norm=head.norm is not None)


def unbake(model: PreTrainedModel, scale: float, bias: bool) -> None:
    """Move the division out of the weights of a baked model; the function stays."""
    head = locate_head(model)
    divide_weights(head, 1 / scale, bias, by_norm=head.norm is not None)
    attach(head, Multiplier(scale, bias))


def _divide_norm(head: Head, scale: float) -> None:
    """Divide the output of the norm before the decoder: weight and bias, or 1 + weight where that is what it uses."""
    norm: Any = head.norm
    if head.family.norm_offset:
        norm.weight.add_(1).div_(scale).sub_(1)
    else:
        norm.weight.div_(scale)
    if getattr(norm, "bias", None) is not None:
        norm.bias.div_(scale)


def divide_weights(head: Head, scale: float, bias: bool, *, by_norm: bool) -> None:
    """Divide W, or the norm before it, and where asked the bias of a head that has one."""
    with torch.no_grad():
        if by_norm:
            _divide_norm(head, scale)
        else:
            for part in head.projection.parts:
                part.div_(scale)
        if bias and head.bias is not None:
            head.bias.div_(scale)


def attach(head: Head, carried: Multiplier) -> None:
    """Divide the logits from now on, without touching the weights; a soft cap is the caller's matter."""
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
