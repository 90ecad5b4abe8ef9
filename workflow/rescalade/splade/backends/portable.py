"""Back end `portable`: plain torch on any device and in any floating type, without a loop over texts.

Texts of similar length are gathered into blocks [texts, tokens, C] by repeating each one's last token:
a repeated token changes neither the maximum nor which token reached it first. The gradients are sums of
rows chosen by the winners, which is what an embedding bag computes without holding those rows.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from rescalade.splade.backends.autograd import activate

CHUNK = 512
"""Vocabulary columns per chunk, at most."""

BUDGET = 2**22
"""Logits in a temporary block: 16 MB of float32."""

PAIRS = 2**18
"""(text, term) pairs whose gradients are listed at a time: some 10 MB of indices."""


def search(hidden: Tensor, offsets: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """[B, V] term weights in the type of `hidden` and [B, V] int32 winners."""
    texts, vocabulary = len(offsets) - 1, weight.shape[0]
    best = hidden.new_full((texts, vocabulary), float("-inf"))
    winner = torch.zeros((texts, vocabulary), dtype=torch.int32, device=hidden.device)
    blocks = [(owner.to(hidden.device), rows.to(hidden.device)) for owner, rows in length_blocks(offsets)]
    chunk = min(CHUNK, max(16, BUDGET // max(1, hidden.shape[0])))
    for first in range(0, vocabulary, chunk):
        logits = hidden @ weight[first : first + chunk].t()
        columns = slice(first, first + logits.shape[1])
        for owner, rows in blocks:
            # max(dim) names the first of equal maxima, and a NaN before any number
            value, index = logits[rows].max(1)
            best[owner, columns] = value
            winner[owner, columns] = rows.gather(1, index).to(torch.int32)
    return activate(best, bias), winner


def length_blocks(offsets: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Texts whose lengths share a power of two, so that repeated tokens at most double the work.

    Args:
        offsets: [B + 1] int64 on the CPU.

    Returns:
        For each block the texts [N] and their token rows [N, L], both int64; texts without tokens are in none.
    """
    lengths, starts = offsets.diff(), offsets[:-1]
    most = int(lengths.max()) if len(lengths) else 0
    blocks = []
    shorter = 0
    while shorter < most:
        longest = max(1, 2 * shorter)
        owner = ((lengths > shorter) & (lengths <= longest)).nonzero().squeeze(1)
        if len(owner):
            last = lengths[owner] - 1
            position = torch.arange(int(last.max()) + 1)
            blocks.append((owner, starts[owner, None] + torch.minimum(position, last[:, None])))
        shorter = longest
    return blocks


def accumulate(
    gradient: Tensor, winner: Tensor, hidden: Tensor, weight: Tensor, free: bool
) -> tuple[Tensor, Tensor | None]:
    """[T, D] and, of a projection that is free to change, [V, D] gradients from the winners' [B, V] gradient.

    Both in blocks of bounded size.
    """
    weight_gradient = _of_weight(gradient, winner, hidden, weight) if free else None
    hidden_gradient = torch.zeros_like(hidden)
    texts, vocabulary = gradient.shape
    block = max(1, PAIRS // max(1, vocabulary))
    for first in range(0, texts, block):
        part = slice(first, first + block)
        text, term = gradient[part].nonzero(as_tuple=True)
        row, order = winner[part][text, term].sort(stable=True)
        if len(row):
            # one text's winners lie in no other text's rows, so blocks of texts are blocks of rows
            start, stop = int(row[0]), int(row[-1]) + 1
            values = gradient[part][text, term][order]
            hidden_gradient[start:stop] = _summed(weight, term[order], values, row - start, stop - start)
    return hidden_gradient, weight_gradient


def _of_weight(gradient: Tensor, winner: Tensor, hidden: Tensor, weight: Tensor) -> Tensor:
    """[V, D] gradient of the projection."""
    weight_gradient = torch.zeros_like(weight)
    texts, vocabulary = gradient.shape
    block = max(1, PAIRS // max(1, texts))
    for first in range(0, vocabulary, block):
        part = slice(first, first + block)
        term, text = gradient[:, part].t().nonzero(as_tuple=True)  # ordered by term
        weight_gradient[part] = _summed(
            hidden, winner[:, part][text, term], gradient[:, part][text, term], term, len(weight_gradient[part])
        )
    return weight_gradient


def _summed(table: Tensor, index: Tensor, factor: Tensor, owner: Tensor, owners: int) -> Tensor:
    """[owners, D]: row o is the sum of factor[n] * table[index[n]] over the n whose owner is o; owner ascends."""
    bounds = torch.zeros(owners, dtype=torch.int64, device=table.device)
    torch.cumsum(torch.bincount(owner, minlength=owners)[:-1], 0, out=bounds[1:])
    summed: Tensor = functional.embedding_bag(index.long(), table, bounds, mode="sum", per_sample_weights=factor)
    return summed
