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
    soft_cap: float | None = None,
) -> Tensor:
    """Term weights of packed texts.

    Args:
        hidden: [T, D] decoder inputs of the tokens that count, text after text.
        offsets: [B + 1] int64 on the CPU; text b owns rows offsets[b]:offsets[b + 1]. A text without tokens gets the
            zero vector.
        weight: [V, D] output projection W. bias: [V] or None.
        activation: f.
        soft_cap: c of z = c tanh(x / c), which bends every logit x before f; None for plain logits.

    Returns:
        [B, V] float32 (float64 for float64 inputs), each >= 0. Differentiable in hidden, weight and bias.
    """
    if bias is None:
        bias = weight.new_zeros(weight.shape[0])
    kind = exact_type(hidden, weight)
    with torch.autocast(hidden.device.type, enabled=False):
        weights: Tensor = _Summed.apply(  # type: ignore[no-untyped-call]
            hidden.to(kind), offsets, weight.to(kind), bias.to(kind), activation == "log1p_relu", soft_cap
        )
    return weights


class _Summed(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, offsets: Tensor, weight: Tensor, bias: Tensor, twice: bool, soft_cap: float | None
    ) -> Tensor:
        """[B, V] sums; keeps the operands alone."""
        ctx.save_for_backward(hidden, offsets, weight, bias)
        ctx.twice, ctx.soft_cap = twice, soft_cap
        tokens = torch.arange(len(hidden), device=hidden.device)
        starts = offsets[:-1].to(hidden.device)
        result = hidden.new_zeros(len(offsets) - 1, len(weight))
        for part in _chunks(hidden, weight):
            value, _ = _activated(hidden, weight[part], bias[part], twice, soft_cap)
            if len(tokens):
                result[:, part] = functional.embedding_bag(tokens, value, starts, mode="sum")
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of hidden, weight and bias."""
        hidden, offsets, weight, bias = ctx.saved_tensors
        of_text = torch.repeat_interleave(torch.arange(len(offsets) - 1), offsets.diff()).to(hidden.device)
        of_hidden, of_bias = torch.zeros_like(hidden), torch.zeros_like(bias)
        of_weight = torch.zeros_like(weight) if ctx.needs_input_grad[2] else None
        for part in _chunks(hidden, weight):
            _, slope = _activated(hidden, weight[part], bias[part], ctx.twice, ctx.soft_cap)
            gradient = slope.mul_(gradients[0][:, part][of_text])
            of_hidden += gradient @ weight[part]
            if of_weight is not None:
                of_weight[part] = gradient.t() @ hidden
            of_bias[part] = gradient.sum(0)
        return of_hidden, None, of_weight, of_bias, None, None


def _chunks(hidden: Tensor, weight: Tensor) -> list[slice]:
    """Parts of the vocabulary."""
    size = max(16, BUDGET // max(1, len(hidden)))
    return [slice(first, first + size) for first in range(0, len(weight), size)]


def _activated(
    hidden: Tensor, weight: Tensor, bias: Tensor, twice: bool, soft_cap: float | None
) -> tuple[Tensor, Tensor]:
    """F and f' of the logits of some terms, both [T, C]."""
    logits = torch.addmm(bias, hidden, weight.t())
    bend: Tensor | float = 1.0
    if soft_cap is not None:
        bent = torch.tanh(logits / soft_cap)
        logits, bend = soft_cap * bent, 1 - bent.square()
    above = logits.relu()
    value = above.log1p()
    slope = (logits > 0) * bend / (1 + above)
    if twice:
        slope = slope / (1 + value)
        value = value.log1p()
    return value, slope
