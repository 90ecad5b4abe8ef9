"""The autograd function of the pooling, for every back end that finds winners and accumulates along them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Search = Callable[[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
"""(hidden [T, D], offsets [B + 1], weight [V, D], bias [V]) -> (term weights [B, V], winners [B, V] int32)."""

Accumulate = Callable[[Tensor, Tensor, Tensor, Tensor, bool], tuple[Tensor, Tensor | None]]
"""(gradient at the winning logits [B, V], winners [B, V], hidden [T, D], weight [V, D], whether the weight is free to
change) -> ([T, D], [V, D] or None where it is frozen)."""


class TermWeights(torch.autograd.Function):
    """y = log(1 + relu(max_l h_l . w_j + b_j)); only the winning token of an active term gets a gradient."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        offsets: Tensor,
        weight: Tensor,
        bias: Tensor,
        search: Search,
        accumulate: Accumulate,
    ) -> Tensor:
        """[B, V] term weights; keeps them and the winners, never a [T, V]."""
        weights, winner = search(hidden.detach(), offsets, weight.detach(), bias.detach())
        if any(ctx.needs_input_grad):
            ctx.save_for_backward(hidden, weight, weights, winner)
            ctx.accumulate = accumulate
        return weights

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of hidden, weight and bias; those of a frozen weight and bias are not computed."""
        hidden, weight, weights, winner = ctx.saved_tensors
        # d log(1 + x)/dx = 1/(1 + x) = exp(-y) where the term is active, and 0 elsewhere.
        gradient = torch.where(weights > 0, gradients[0] * torch.exp(-weights), 0.0)
        _, _, weight_free, bias_free, *_ = ctx.needs_input_grad
        hidden_gradient, weight_gradient = ctx.accumulate(
            gradient, winner, hidden.detach(), weight.detach(), weight_free
        )
        return hidden_gradient, None, weight_gradient, gradient.sum(0) if bias_free else None, None, None


def activate(best: Tensor, bias: Tensor) -> Tensor:
    """log(1 + relu(best + bias)) in the memory of `best` [B, V]; the bias is constant over a text's tokens."""
    return best.add_(bias).relu_().log1p_()
