"""The loss of the adaptation phase, without ever holding the logits of all positions.

    z = h Wᵀ + b,   loss = CE(z, next token) + lambda CE(log(1 + relu(z)), next token)

    CE(log(1 + relu(z)), t) = log sum_j (1 + relu(z_j)) - log(1 + relu(z_t))

The second cross-entropy takes the term weights of a position as if they were logits. Its softmax needs no exponential,
and its gradient reaches active terms alone: 1 / sum_j (1 + relu(z_j)) each, less 1 / (1 + z_t) for the next token.
Positions are taken some at a time, forward and backward at once, since the gradient of a mean is known before anything
comes back to it: neither are logits kept nor computed twice.

Source: arXiv 2504.10816, section 3 and its pseudo-code, where lambda is 1.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

LOGITS = 2**25
"""Logits that are held at once, and their gradients beside them: 128 MB of float32 each."""


class Losses(NamedTuple):
    """Means over positions. loss: their weighted sum, differentiable. active: vocabulary items with z > 0."""

    loss: Tensor
    next_token: Tensor
    sparse: Tensor
    active: Tensor


def adaptation_loss(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    targets: Tensor,
    *,
    sparse_weight: float,
    soft_cap: float | None = None,
    logits: int = LOGITS,
) -> Losses:
    """Both terms over some positions.

    Args:
        hidden: [N, D] decoder inputs, float32, or bfloat16 on CUDA; sums are float32.
        weight: [V, D]; bias: [V] or None. What is frozen of them costs nothing in the backward pass.
        targets: [N] int64, the tokens that come next.
        sparse_weight: lambda.
        soft_cap: c, for heads with z = c tanh(x / c).
        logits: how many to hold at once.
    """
    with torch.autocast(hidden.device.type, enabled=False):
        losses: tuple[Tensor, ...] = _Chunked.apply(  # type: ignore[no-untyped-call]
            hidden, weight, bias, targets, sparse_weight, soft_cap, max(1, logits // len(weight))
        )
    return Losses(*losses)


class _Chunked(torch.autograd.Function):
    """The loss as a function of hidden, weight and bias, whose gradients are made on the way forward."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        targets: Tensor,
        sparse_weight: float,
        soft_cap: float | None,
        rows: int,
    ) -> tuple[Tensor, ...]:
        """Loss, its two terms, and active terms; all 0-dimensional float32, means over the positions."""
        wanted = ctx.needs_input_grad[:3]
        operand = weight.to(hidden.dtype)
        sums = torch.zeros(3, dtype=torch.float64, device=hidden.device)
        of_hidden = torch.empty_like(hidden) if wanted[0] else None
        of_weight = torch.zeros_like(weight, dtype=torch.float32) if wanted[1] else None
        of_bias = torch.zeros_like(bias, dtype=torch.float32) if bias is not None and wanted[2] else None
        for first in range(0, len(hidden), rows):
            part = slice(first, first + rows)
            logits = _product(hidden[part], operand.t())
            if bias is not None:
                logits += bias
            if soft_cap is not None:
                logits = logits.div_(soft_cap).tanh_().mul_(soft_cap)
            found, gradient = _losses(logits, targets[part], sparse_weight, any(wanted))
            sums += found
            if gradient is None:
                continue
            if soft_cap is not None:
                gradient *= 1 - logits.div_(soft_cap).square_()
            del logits
            gradient /= len(hidden)
            if of_bias is not None:
                of_bias += gradient.sum(0)
            gradient = gradient.to(hidden.dtype)
            if of_hidden is not None:
                of_hidden[part] = gradient @ operand
            if of_weight is not None:
                of_weight += _product(gradient.t(), hidden[part])
        ctx.save_for_backward(*(tensor for tensor in (of_hidden, of_weight, of_bias) if tensor is not None))
        ctx.kinds = (hidden.dtype, weight.dtype, None if bias is None else bias.dtype)
        next_token, sparse, active = (sums / len(hidden)).float().unbind()
        ctx.mark_non_differentiable(next_token, sparse, active)
        return next_token + sparse_weight * sparse, next_token, sparse, active

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients in the types of hidden, weight and bias; None for what is frozen."""
        made = iter(ctx.saved_tensors)
        found = [
            (next(made) * gradients[0]).to(kind) if needed and kind is not None else None
            for needed, kind in zip(ctx.needs_input_grad[:3], ctx.kinds, strict=True)
        ]
        return *found, None, None, None, None


def _losses(
    logits: Tensor, targets: Tensor, sparse_weight: float, differentiated: bool
) -> tuple[Tensor, Tensor | None]:
    """Sums [3] float64 of both terms and of active terms; the gradient [C, V] of the sum of the weighted terms."""
    target = targets[:, None]
    positive = logits.relu()
    total = positive.sum(1, keepdim=True) + logits.shape[1]
    active = positive > 0
    chosen = 1 + positive.gather(1, target)
    del positive
    normaliser = logits.logsumexp(1, keepdim=True)
    sums = torch.stack(
        [
            (normaliser - logits.gather(1, target)).double().sum(),
            (total.log() - chosen.log()).double().sum(),
            active.sum().double(),
        ]
    )
    if not differentiated:
        return sums, None
    gradient = (logits - normaliser).exp_()
    if sparse_weight:
        gradient.addcdiv_(active.to(logits.dtype), total, value=sparse_weight)
    here = active.gather(1, target) * (sparse_weight / chosen) + 1
    return sums, gradient.scatter_add_(1, target, -here)


def _product(left: Tensor, right: Tensor) -> Tensor:
    """Left @ right, summed and given in float32 at least."""
    if left.is_cuda and left.dtype in (torch.bfloat16, torch.float16):
        return torch.mm(left, right, out_dtype=torch.float32)
    return left @ right
