"""The first SPLADE's pooling: term weights are sums over tokens, computed by chunks of the vocabulary.

y[b, j] = sum over tokens l of text b of f(h[l] . w[j] + b[j]),   f(z) = log(1 + relu(z)), or log(1 + log(1 + relu(z)))

Every token of a text has a part in every active term, so nothing can be left out as under the maximum. The backward
pass computes the logits of a chunk again in place of keeping [T, V] of them.

Equation: Formal et al., SPLADE, arXiv 2107.05720, eq. 1; the second f: Geng et al., arXiv 2411.04403.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from rescalade.models.splade_config import Activation
from rescalade.splade.backends.choose import exact_type

BUDGET = 2**22
"""Logits that are held at a time: 16 MB of float32."""


def summed_weights(
    hidden: Tensor,
    offsets: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    activation: Activation = "relu",
    soft_cap: float | Tensor | None = None,
) -> Tensor:
    """Term weights of packed texts.

    Args:
        hidden: [T, D] decoder inputs of the tokens that count, text after text.
        offsets: [B + 1] int64 on the CPU; text b owns rows offsets[b]:offsets[b + 1]. A text without tokens gets the
            zero vector.
        weight: [V, D] output projection W. bias: [V] or None.
        activation: f.
        soft_cap: c of z = c tanh(x / c), which bends every logit x before f; a tensor [] where c is trained; None for
            plain logits.

    Returns:
        [B, V] float32 (float64 for float64 inputs), each >= 0. Differentiable in hidden, weight, bias and c.
    """
    if bias is None:
        bias = weight.new_zeros(weight.shape[0])
    kind = exact_type(hidden, weight)
    if isinstance(soft_cap, Tensor):
        soft_cap = soft_cap.to(kind)
    with torch.autocast(hidden.device.type, enabled=False):
        weights: Tensor = _Summed.apply(  # type: ignore[no-untyped-call]
            hidden.to(kind), offsets, weight.to(kind), bias.to(kind), activation == "log1p_relu", soft_cap
        )
    return weights


class _Summed(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        offsets: Tensor,
        weight: Tensor,
        bias: Tensor,
        twice: bool,
        soft_cap: float | Tensor | None,
    ) -> Tensor:
        """[B, V] sums; keeps the operands alone."""
        learnt = soft_cap if isinstance(soft_cap, Tensor) else None
        ctx.save_for_backward(hidden, offsets, weight, bias, learnt)
        ctx.twice, ctx.soft_cap = twice, None if learnt is not None else soft_cap
        tokens = torch.arange(len(hidden), device=hidden.device)
        starts = offsets[:-1].to(hidden.device)
        result = hidden.new_zeros(len(offsets) - 1, len(weight))
        for part in _chunks(hidden, weight):
            value, *_ = _activated(hidden, weight[part], bias[part], twice, soft_cap)
            if len(tokens):
                result[:, part] = functional.embedding_bag(tokens, value, starts, mode="sum")
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of hidden, weight, bias, and c where it is trained."""
        hidden, offsets, weight, bias, learnt = ctx.saved_tensors
        soft_cap = ctx.soft_cap if learnt is None else learnt
        of_text = torch.repeat_interleave(torch.arange(len(offsets) - 1), offsets.diff()).to(hidden.device)
        of_hidden, of_bias = torch.zeros_like(hidden), torch.zeros_like(bias)
        of_weight = torch.zeros_like(weight) if ctx.needs_input_grad[2] else None
        of_cap = None if learnt is None else torch.zeros_like(learnt)
        for part in _chunks(hidden, weight):
            _, slope, by_cap = _activated(hidden, weight[part], bias[part], ctx.twice, soft_cap)
            upstream = gradients[0][:, part][of_text]
            if of_cap is not None and by_cap is not None:
                of_cap += (upstream * by_cap).sum()
            gradient = slope.mul_(upstream)
            of_hidden += gradient @ weight[part]
            if of_weight is not None:
                of_weight[part] = gradient.t() @ hidden
            of_bias[part] = gradient.sum(0)
        return of_hidden, None, of_weight, of_bias, None, of_cap


def _chunks(hidden: Tensor, weight: Tensor) -> list[slice]:
    """Parts of the vocabulary."""
    size = max(16, BUDGET // max(1, len(hidden)))
    return [slice(first, first + size) for first in range(0, len(weight), size)]


def _activated(
    hidden: Tensor, weight: Tensor, bias: Tensor, twice: bool, soft_cap: float | Tensor | None
) -> tuple[Tensor, Tensor, Tensor | None]:
    """F of the logits of some terms, and its derivatives by logit and by c, each [T, C]; the last None without c."""
    logits = torch.addmm(bias, hidden, weight.t())
    bend: Tensor | float = 1.0
    by_cap: Tensor | None = None
    if soft_cap is not None:
        inner = logits / soft_cap
        bent = torch.tanh(inner)
        logits, bend = soft_cap * bent, 1 - bent.square()
        by_cap = bent - inner * bend
    above = logits.relu()
    value = above.log1p()
    slope = (logits > 0) / (1 + above)
    if twice:
        slope = slope / (1 + value)
        value = value.log1p()
    return value, slope * bend, None if by_cap is None else slope * by_cap
