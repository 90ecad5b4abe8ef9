"""The SPLADE head: term weights from decoder inputs without ever holding the [tokens, vocabulary] logits.

    y[b, j] = max over tokens l of text b of log(1 + relu(h[l] . w[j] + b[j]))

log, relu and the bias commute with the max, so the maximum of ``h . w`` is taken first, chunk of
vocabulary by chunk, over packed real tokens, keeping the winning token. Only the winner receives a
gradient, so the backward pass touches active (text, term) pairs and nothing else. The first token
wins a tie in every back end.

Equation: Formal et al., SPLADE v2, arXiv 2109.10086, eq. 6.
"""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import Tensor

from rescalade.splade import kernels

CHUNK = 512
"""Vocabulary columns per chunk: a [T, 512] block of logits still sits in the second-level cache."""


def term_weights(hidden: Tensor, offsets: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Term weights of packed texts.

    Args:
        hidden: [T, D] float32, decoder inputs of the tokens that count, text after text.
        offsets: [B + 1] int64 on the CPU; text b owns rows offsets[b]:offsets[b + 1]. A text without
            tokens gets the zero vector.
        weight: [V, D] float32 output projection W.
        bias: [V] float32 or None.

    Returns:
        [B, V] float32, each >= 0. Differentiable in hidden, weight and bias.
    """
    if bias is None:
        bias = weight.new_zeros(weight.shape[0])
    result: Tensor = _TermWeights.apply(hidden, offsets, weight, bias)  # type: ignore[no-untyped-call]
    return result


def pack(hidden: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Drop the positions that do not count.

    Args:
        hidden: [B, L, D]; mask: [B, L] bool, True where a token counts.

    Returns:
        ([T, D] rows in order, [B + 1] int64 offsets on the CPU).
    """
    lengths = mask.sum(1).to("cpu", torch.int64)
    offsets = torch.zeros(len(lengths) + 1, dtype=torch.int64)
    torch.cumsum(lengths, 0, out=offsets[1:])
    return hidden[mask], offsets


class _TermWeights(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, offsets: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        best, winner = _best_logit(hidden.detach(), offsets, weight.detach())
        weights = torch.log1p(torch.relu(best + bias))
        if any(ctx.needs_input_grad):
            ctx.save_for_backward(hidden, weight, weights, winner)
        return weights

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        hidden, weight, weights, winner = ctx.saved_tensors
        # d log(1 + x)/dx = 1/(1 + x) = exp(-y) where the term is active, and 0 elsewhere.
        gradient = torch.where(weights > 0, gradients[0] * torch.exp(-weights), 0.0)
        hidden_gradient, weight_gradient = _winners_backward(gradient, winner, hidden.detach(), weight.detach())
        return hidden_gradient, None, weight_gradient, gradient.sum(0)


def _best_logit(hidden: Tensor, offsets: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """[B, V] maximum of h . w over each text's tokens (-inf without tokens) and [B, V] int32 winners."""
    texts, vocabulary = len(offsets) - 1, weight.shape[0]
    best = hidden.new_full((texts, vocabulary), float("-inf"))
    winner = torch.zeros((texts, vocabulary), dtype=torch.int32, device=hidden.device)
    compiled = hidden.device.type == "cpu" and hidden.dtype == torch.float32
    for first in range(0, vocabulary, CHUNK):
        logits = hidden @ weight[first : first + CHUNK].t()
        if compiled:
            kernels.segment_max(logits.numpy(), offsets.numpy(), first, best.numpy(), winner.numpy())
        else:
            _segment_max_portable(logits, offsets, first, best, winner)
    return best, winner


def _segment_max_portable(logits: Tensor, offsets: Tensor, first: int, best: Tensor, winner: Tensor) -> None:
    """The same on any device; torch's max(dim) names the first maximum."""
    bounds = offsets.tolist()
    columns = slice(first, first + logits.shape[1])
    for text, (start, stop) in enumerate(itertools.pairwise(bounds)):
        if stop > start:
            value, index = logits[start:stop].max(0)
            best[text, columns] = value
            winner[text, columns] = (index + start).to(torch.int32)


def _winners_backward(gradient: Tensor, winner: Tensor, hidden: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """[T, D] and [V, D] gradients from the winners' [B, V] gradient."""
    hidden_gradient, weight_gradient = torch.zeros_like(hidden), torch.zeros_like(weight)
    if hidden.device.type == "cpu" and hidden.dtype == torch.float32:
        kernels.winners_backward(
            gradient.contiguous().numpy(),
            winner.numpy(),
            hidden.contiguous().numpy(),
            weight.contiguous().numpy(),
            hidden_gradient.numpy(),
            weight_gradient.numpy(),
        )
        return hidden_gradient, weight_gradient
    for text in range(gradient.shape[0]):
        active = gradient[text].nonzero().squeeze(1)
        scaled = gradient[text, active].unsqueeze(1)
        rows = winner[text, active].long()
        hidden_gradient.index_add_(0, rows, scaled * weight[active])
        weight_gradient[active] += scaled * hidden[rows]
    return hidden_gradient, weight_gradient
