"""Sparton's design of the pooling in plain PyTorch, written from the paper's description.

Forward: a GEMM per vocabulary tile into a buffer of 64 MiB over all token positions, padding included, then a
reduction that masks, activates and keeps the maximum and its int64 position. Backward: the winners' hidden states are
gathered and both products are added into zero-filled float32 buffers by index, on a GPU with atomics.

Source: Sparton, arXiv 2603.25011. Its kernels are in Triton; this is the design, not their code or their speed.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

BUFFER_BYTES = 64 * 2**20


class SpartonRestated(torch.autograd.Function):
    """Term weights of hidden [B, L, D], mask [B, L], weight [V, D], bias [V]."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, mask: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """[B, V] in the type of `bias`; saves them and int64 positions."""
        texts, length, _ = hidden.shape
        values = bias.new_empty((texts, len(weight)))
        position = torch.empty((texts, len(weight)), dtype=torch.int64, device=hidden.device)
        tile = max(1, BUFFER_BYTES // (texts * length * hidden.element_size()))
        operand = weight.to(hidden.dtype)
        for first in range(0, len(weight), tile):
            columns = slice(first, first + tile)
            logits = hidden @ operand[columns].t() + bias[columns].to(hidden.dtype)
            # a masked position counts as a zero logit, below which nothing is active
            best, position[:, columns] = (logits * mask.unsqueeze(-1)).max(1)
            values[:, columns] = torch.log1p(torch.relu(best.to(bias.dtype)))
        ctx.save_for_backward(hidden, weight, values, position)
        return values

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of hidden and weight, summed in float32 (float64 for float64)."""
        hidden, weight, values, position = ctx.saved_tensors
        texts, length, width = hidden.shape
        gradient = torch.where(values > 0, gradients[0] * torch.exp(-values), 0.0)
        rows = hidden.reshape(-1, width)
        hidden_sum = torch.zeros_like(rows, dtype=values.dtype)
        weight_sum = torch.zeros_like(weight, dtype=values.dtype)
        offset = torch.arange(texts, device=hidden.device)[:, None] * length
        tile = max(1, BUFFER_BYTES // (texts * width * values.element_size()))
        for first in range(0, len(weight), tile):
            columns = slice(first, first + tile)
            text, term = gradient[:, columns].nonzero(as_tuple=True)
            factor = gradient[:, columns][text, term].unsqueeze(1)
            row = (position[:, columns] + offset)[text, term]
            term = term + first
            hidden_sum.index_add_(0, row, factor * weight[term].to(values.dtype))
            weight_sum.index_add_(0, term, factor * rows[row].to(values.dtype))
        return (
            hidden_sum.view_as(hidden).to(hidden.dtype),
            None,
            weight_sum.to(weight.dtype),
            gradient.sum(0),
        )
