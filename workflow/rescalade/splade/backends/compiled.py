"""Back end `numba`: float32 on the CPU, one pass over a block of logits that still sits in cache."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor

from rescalade.splade import kernels
from rescalade.splade.backends.autograd import activate

CHUNK = 512
"""Vocabulary columns per block of logits."""
ROWS = 768
"""Tokens per block for each thread, about: its [768, 512] logits, 1.5 MiB, are read back before they leave the cache of
a core. In one block for all tokens of a batch they would not fit, and the search took an eighth longer."""


def search(hidden: Tensor, offsets: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """[B, V] float32 term weights and [B, V] int32 winners of float32 tensors on the CPU."""
    texts, vocabulary = len(offsets) - 1, weight.shape[0]
    best = hidden.new_full((texts, vocabulary), float("-inf"))
    winner = torch.zeros((texts, vocabulary), dtype=torch.int32)
    cuts = _cuts(offsets, ROWS * torch.get_num_threads())
    blocks = [
        (
            hidden[offsets[begin] : offsets[end]],
            offsets[begin : end + 1].numpy(),
            best[begin:end].numpy(),
            winner[begin:end].numpy(),
        )
        for begin, end in pairwise(cuts)
    ]
    buffer = hidden.new_empty(max((len(rows) for rows, *_ in blocks), default=0) * min(CHUNK, vocabulary))
    for first in range(0, vocabulary, CHUNK):
        columns = weight[first : first + CHUNK].t()
        for rows, places, block_best, block_winner in blocks:
            logits = buffer[: len(rows) * columns.shape[1]].view(len(rows), columns.shape[1])
            torch.mm(rows, columns, out=logits)
            kernels.segment_max(logits.numpy(), places, first, block_best, block_winner)
    return activate(best, bias), winner


def _cuts(offsets: Tensor, rows: int) -> list[int]:
    """Numbers of the texts that begin a block, and B: blocks of whole texts, all of about the same number of tokens.

    Of the same: a few tokens left over would be multiplied by another routine, with other last bits.
    """
    tokens, texts = int(offsets[-1]), len(offsets) - 1
    count = max(1, math.ceil(tokens / rows))
    inner = torch.searchsorted(offsets, torch.arange(1, count) * tokens // count).tolist()
    return sorted({0, *inner, texts})


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
