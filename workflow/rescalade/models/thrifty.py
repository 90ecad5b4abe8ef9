"""What the backward pass of a model with adapters keeps on a CPU, made small without another result.

    y = x Wᵀ + s drop(x) Aᵀ Bᵀ,   A [r, in], B [out, r], W frozen

As one function, a layer keeps x, x Aᵀ and a bit of dropout's mask for each element of x; as a chain of modules it keeps
what is left of x after dropout as well, and the mask in float32, and writes three more [tokens, out]. What an adapter
reads is often the output of a cheap function whose own inputs are kept anyway: a norm, or the gated product of a
feed-forward block. Then it is computed again. Modules, their parameters and names stay those of peft and transformers.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MethodType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

MADE_BY = "_rescalade_made_by"
"""Attribute of a tensor that can be made again: a `_Recipe`, what it takes, and the version of the tensor so made."""


def keep_less(model: nn.Module, adapter: str) -> None:
    """Have the layers of a model with adapters keep less, in place; what they compute stays.

    It holds where they compute on a CPU and outside of autocast, and is without effect elsewhere.

    Args:
        adapter: its name in peft's layers.
    """
    from peft.tuners.lora import Linear

    verdicts: dict[type, bool] = {}
    for module in model.modules():
        if isinstance(module, Linear) and type(module.get_base_layer()) is nn.Linear and _plain(module, adapter):
            vars(module).update(_thrifty_adapter=adapter, forward=MethodType(_adapted, module))
        elif "Norm" in type(module).__name__ and all(parameter.ndim < 2 for parameter in module.parameters()):
            vars(module)["forward"] = MethodType(_norm, module)
        elif all(hasattr(module, name) for name in ("gate_proj", "up_proj", "down_proj", "act_fn")):
            kind = type(module)
            if kind not in verdicts:
                verdicts[kind] = _is_gated(module)
            if verdicts[kind]:
                vars(module)["forward"] = MethodType(_gated_block, module)


def keep_all(model: nn.Module) -> None:
    """Undo `keep_less`."""
    for module in model.modules():
        if getattr(vars(module).get("forward"), "__func__", None) in (_adapted, _norm, _gated_block):
            del vars(module)["forward"]


def _plain(layer: Any, adapter: str) -> bool:
    """Whether a layer of peft has this adapter alone, without bias or variant, over weights that are frozen."""
    base = layer.get_base_layer()
    return (
        list(layer.lora_A) == [adapter]
        and adapter not in layer.lora_variant
        and not layer.lora_bias[adapter]
        and not any(parameter.requires_grad for parameter in base.parameters())
    )


def _is_gated(block: Any) -> bool:
    """Whether a feed-forward block computes down(act(gate(x)) · up(x)), by what it gives for two positions."""
    projections = [getattr(part, "base_layer", part) for part in (block.gate_proj, block.up_proj, block.down_proj)]
    if not all(isinstance(part, nn.Linear) and part.weight.dtype == torch.float32 for part in projections):
        return False  # matrices in half precision are computed in autocast, and left alone there
    weight: Tensor = projections[0].weight
    probe = torch.linspace(-2, 2, 2 * weight.shape[1], device=weight.device).view(1, 2, -1)
    was = block.training
    block.eval()
    with torch.no_grad():
        gate = block.gate_proj(probe)
        act = block.act_fn(gate)
        equal = act is not gate and torch.equal(block(probe), block.down_proj(act * block.up_proj(probe)))
    block.train(was)
    return equal


def _here(*tensors: Tensor) -> bool:
    """Whether these are computed on a CPU in one type, by what stands here."""
    kinds = {tensor.dtype for tensor in tensors}
    return (
        all(tensor.device.type == "cpu" for tensor in tensors)
        and kinds <= {torch.float32, torch.float64}
        and len(kinds) == 1
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
    )


class _Recipe:
    """A cheap function whose result is made again for its readers' backward, once for all of them."""

    def __init__(self, make: Callable[..., Tensor]) -> None:
        self._make, self.readers = make, 0
        self._made: Tensor | None = None
        self._left = 0

    def again(self, sources: tuple[Tensor, ...]) -> Tensor:
        """The result, held until all readers have had it."""
        if self._made is None:
            with torch.no_grad():
                self._made = self._make(*sources)
            self._left = self.readers
        made, self._left = self._made, self._left - 1
        if self._left <= 0:
            self._made = None
        return made


def _note(result: Tensor, make: Callable[..., Tensor], *sources: Tensor) -> Tensor:
    """The result, with how to make it again; sources are kept for the backward pass anyway."""
    setattr(result, MADE_BY, (_Recipe(make), tuple(source.detach() for source in sources), result._version))
    return result


def _norm(self: Any, *arguments: Any, **named: Any) -> Any:
    """A norm's forward."""
    own = type(self).forward
    found = own(self, *arguments, **named)
    single = len(arguments) == 1 and not named and isinstance(found, Tensor)
    if single and torch.is_grad_enabled() and _here(arguments[0], found):
        return _note(found, lambda source: own(self, source), arguments[0])
    return found


def _gated_block(self: Any, x: Tensor) -> Tensor:
    """A feed-forward block's forward."""
    gate, up = self.gate_proj(x), self.up_proj(x)
    if not (torch.is_grad_enabled() and _here(gate, up)):
        found: Tensor = self.down_proj(self.act_fn(gate) * up)
        return found
    product: Tensor = _Gated.apply(gate, up, self.act_fn)  # type: ignore[no-untyped-call]
    found = self.down_proj(_note(product, lambda gate, up: _times(self.act_fn(gate), up), gate, up))
    return found


def _times(fresh: Tensor, other: Tensor) -> Tensor:
    """Product in the memory of a tensor that nobody else has."""
    return fresh.mul_(other)


class _Gated(torch.autograd.Function):
    """act(gate) · up, which keeps the two and not act(gate)."""

    @staticmethod
    def forward(ctx: Any, gate: Tensor, up: Tensor, act: Callable[[Tensor], Tensor]) -> Tensor:
        """[..., I]; act gives a new tensor."""
        ctx.save_for_backward(gate, up)
        ctx.act = act
        return _times(act(gate), up)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of gate and up."""
        gate, up = ctx.saved_tensors
        (gradient,) = gradients
        with torch.enable_grad():
            source = gate.detach().requires_grad_()
            value = ctx.act(source)
        (of_gate,) = torch.autograd.grad(value, source, gradient * up)
        return of_gate, gradient * value.detach(), None


def _adapted(self: Any, x: Tensor, *arguments: Any, **named: Any) -> Tensor:
    """Forward of a linear layer of peft with one adapter."""
    name, base = self._thrifty_adapter, self.base_layer
    a, b = self.lora_A[name].weight, self.lora_B[name].weight
    bias = () if base.bias is None else (base.bias,)
    if (
        arguments
        or named
        or self.disable_adapters
        or self.merged
        or self.active_adapters != [name]
        or not _here(x, base.weight, a, b, *bias)
    ):
        found: Tensor = type(self).forward(self, x, *arguments, **named)
        return found
    dropout = self.lora_dropout[name]
    rate = float(dropout.p) if isinstance(dropout, nn.Dropout) and dropout.training else 0.0
    recipe, sources, version = getattr(x, MADE_BY, (None, (), 0))
    if recipe is not None and x._version != version:
        recipe = None  # written over since
    if recipe is not None and a.requires_grad:
        recipe.readers += 1
    found = _Adapted.apply(  # type: ignore[no-untyped-call]
        x, base.weight, base.bias, a, b, float(self.scaling[name]), rate, recipe, sources
    )
    return found


class _Adapted(torch.autograd.Function):
    """x Wᵀ + s drop(x) Aᵀ Bᵀ with a frozen W."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        a: Tensor,
        b: Tensor,
        scale: float,
        rate: float,
        recipe: _Recipe | None,
        sources: tuple[Tensor, ...],
    ) -> Tensor:
        """[..., out] of x [..., in]; dropout draws from torch's own generator."""
        rows = x.reshape(-1, x.shape[-1])
        found = functional.linear(rows, weight, bias)
        bits = None
        if rate:
            scale /= 1 - rate
            mask = torch.empty(rows.shape, dtype=torch.bool).bernoulli_(1 - rate)
            bits = torch.from_numpy(np.packbits(mask.numpy()))
            rows = rows * mask
        low = rows @ a.t()
        found.addmm_(low, b.t(), alpha=scale)
        ctx.save_for_backward(weight, a, b, low, bits, *(sources if recipe else (x,)))
        ctx.scale, ctx.recipe = scale, recipe
        return found.view(*x.shape[:-1], -1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of x, A and B."""
        weight, a, b, low, bits, *sources = ctx.saved_tensors
        (gradient,) = gradients
        gradient = gradient.reshape(-1, gradient.shape[-1])
        of_low = (gradient @ b).mul_(ctx.scale)
        of_b = (gradient.t() @ low).mul_(ctx.scale) if ctx.needs_input_grad[4] else None
        mask = None
        if bits is not None:
            shape = (len(low), a.shape[1])
            mask = torch.from_numpy(np.unpackbits(bits.numpy(), count=shape[0] * shape[1])).view(shape).bool()
        of_a = None
        if ctx.needs_input_grad[3]:
            x = ctx.recipe.again(tuple(sources)) if ctx.recipe else sources[0]
            rows = x.reshape(-1, a.shape[1])
            of_a = of_low.t() @ (rows if mask is None else rows * mask)
        of_x = None
        if ctx.needs_input_grad[0]:
            of_x = gradient @ weight
            if mask is None:
                of_x.addmm_(of_low, a)
            else:
                of_x += (of_low @ a).mul_(mask)
            of_x = of_x.view(*gradients[0].shape[:-1], -1)
        return of_x, None, None, of_a, of_b, None, None, None, None
