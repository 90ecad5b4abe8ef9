"""Back end `numba`: float32 on the CPU, one pass over a chunk of logits that still sits in cache."""

from __future__ import annotations

import torch
from torch import Tensor

from rescalade.splade import kernels
from rescalade.splade.backends.autograd import activate

CHUNK = 512
"""Vocabulary columns per chunk: the [T, 512] block of logits is read back before it leaves the cache."""


def search(hidden: Tensor, offsets: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """[B, V] float32 term weights and [B, V] int32 winners of float32 tensors on the CPU."""
    texts, vocabulary = len(offsets) - 1, weight.shape[0]
    best = hidden.new_full((texts, vocabulary), float("-inf"))
    winner = torch.zeros((texts, vocabulary), dtype=torch.int32)
    buffer = hidden.new_empty(hidden.shape[0] * min(CHUNK, vocabulary))
    for first in range(0, vocabulary, CHUNK):
        columns = weight[first : first + CHUNK]
        logits = buffer[: hidden.shape[0] * len(columns)].view(hidden.shape[0], len(columns))
        torch.mm(hidden, columns.t(), out=logits)
        kernels.segment_max(logits.numpy(), offsets.numpy(), first, best.numpy(), winner.numpy())
    return activate(best, bias), winner


def accumulate(
    gradient: Tensor, winner: Tensor, hidden: Tensor, weight: Tensor, free: bool
) -> tuple[Tensor, Tensor | None]:
    """[T, D] and, of a projection that is free to change, [V, D] gradients from the winners' [B, V] gradient."""
    hidden_gradient = torch.zeros_like(hidden)
    flowing, owner, projection = gradient.contiguous().numpy(), winner.numpy(), weight.contiguous().numpy()
    if not free:
        kernels.winners_backward_hidden(flowing, owner, projection, hidden_gradient.numpy())
        return hidden_gradient, None
    weight_gradient = torch.zeros_like(weight)
    kernels.winners_backward(
        flowing, owner, hidden.contiguous().numpy(), projection, hidden_gradient.numpy(), weight_gradient.numpy()
    )
    return hidden_gradient, weight_gradient
