"""Mode `multiplier`: the logits are divided at run time and no weight changes.

Files cannot hold that: transformers' formats know weights only. So a model is baked when it is saved (the division
moves into the norm before the decoder, or into W where there is no such norm) and unbaked when training goes on
from it. At powers of two both ways are exact.

The division is kept on the module that makes the logits, and carried out by a hook that reads it there, so a deep copy
of a model carries a division of its own. Its factor 1/k may be a weight of that module, trained with the others.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from rescalade.errors import UserError
from rescalade.models.locate import Head, locate_head

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_ATTRIBUTE = "_rescalade_multiplier"
_FACTOR = "_rescalade_factor"
"""Name of the weight; no file ever has it."""


@dataclass
class Multiplier:
    """The division that a model carries at run time.

    scale: k. bias: whether the bias is divided too; otherwise logits are h Wᵀ / k + b. active: whether the hook
    carries it out; someone else may, the pooling for example. factor: the weight [] in place of 1/k; None where that is
    not trained.
    """

    scale: float
    bias: bool
    active: bool = True
    factor: nn.Parameter | None = None

    def __call__(self, value: Tensor) -> Tensor:
        """Divide; differentiable in the value, and in the factor where there is one."""
        return value / self.scale if self.factor is None else value * self.factor

    def cap(self, cap: float) -> float | Tensor:
        """A soft cap c that was divided by k, where the factor is now another: it is a part of the logits."""
        return cap if self.factor is None else cap * self.scale * self.factor


def carried_by(head: Head) -> Multiplier | None:
    """The run-time division of the model that a located head belongs to, None where it has none."""
    return getattr(head.projection.module, _ATTRIBUTE, None)


def bake(model: PreTrainedModel) -> None:
    """Move the division into the weights; the function stays. Nothing happens to a model without one."""
    head = locate_head(model)
    carried = carried_by(head)
    if carried is not None:
        delattr(head.projection.module, _ATTRIBUTE)
        scale = carried.scale
        if carried.factor is not None:
            delattr(head.projection.module, _FACTOR)
            factor = float(carried.factor.detach())
            scale = 1 / factor if factor else math.inf
            if head.soft_cap is not None:
                model.config.final_logit_softcapping = head.soft_cap * carried.scale * factor
        divide_weights(head, scale, carried.bias, by_norm=head.norm is not None)


def learn(head: Head) -> nn.Parameter:
    """Make the factor 1/k of the model's run-time division a weight of it, in float32.

    Raises:
        UserError: the model has no such division.
    """
    carried, module = carried_by(head), head.projection.module
    if carried is None:
        raise UserError(
            "train_multiplier: the logits of this model are not multiplied by anything; take the mode `multiplier` "
            "(k1-multiplier begins at 1), or leave the setting out"
        )
    factor = nn.Parameter(torch.tensor(1 / carried.scale, dtype=torch.float32, device=head.weight.device))
    module.register_parameter(_FACTOR, factor)
    carried.factor = factor
    return factor


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
        return carried(logits)
    return carried(logits - bias) + bias
