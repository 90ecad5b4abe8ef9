"""Into which pieces of texts of like length a batch is cut on a CPU, from what a piece costs."""

from __future__ import annotations

import torch
from torch import Tensor

from rescalade.splade.length_groups import LEAST_WORK, by_length
from rescalade.splade.model import SpladeModel

BODY, EMBEDDING = 75, 50
"""Cost of one more piece in tokens of padding: BODY for reading all layers again and adding up their gradients, and
EMBEDDING times the parameters of the token embedding for each one of the layers, since narrow layers leave a core idle
between small products. Fitted on BERT shapes of 2x128 and 12x768."""
READING, NARROW = 20, 10240
"""The same in encoding, and with adapters, where weights get no gradient: READING for reading all layers, and NARROW
over the width of the model for small products. Fitted on 2x128, 12x768 and 30x576 (`bench/bench_pieces.py`)."""


def pieces(lengths: Tensor, splade: SpladeModel, *, frozen: bool = False) -> list[Tensor]:
    """Row numbers of the pieces, shortest texts first; or of all rows in their order as the only piece.

    They depend on the lengths and the model alone, so that a batch that is computed twice is cut twice alike.

    Args:
        lengths: [B] int64 on the CPU, tokens of each text.
        frozen: whether the weights of the layers get no gradient.
    """
    if len(lengths) < 2:
        return [torch.arange(len(lengths))]
    if splade.device.type != "cpu":
        return by_length(lengths, LEAST_WORK["cuda"] // splade.head.weight.shape[1])
    return cheapest(lengths, overhead(splade, frozen=frozen))


def overhead(splade: SpladeModel, *, frozen: bool) -> float:
    """Cost of one more piece on a CPU, in tokens; `frozen` as in `pieces`."""
    if frozen:
        return READING + NARROW / splade.head.weight.shape[1]
    return BODY + EMBEDDING * _share(splade)


def cheapest(lengths: Tensor, overhead: float) -> list[Tensor]:
    """The pieces whose tokens, padding included, and overheads have the least sum; their form is that of `pieces`.

    Texts of one length are never parted: to move those of a piece to the one that begins with the same length adds
    no padding there.

    Args:
        lengths: [B] int64 on the CPU, B > 0. overhead: of a piece, in tokens.
    """
    distinct, counts = lengths.unique(return_counts=True)
    texts = torch.zeros(len(distinct) + 1, dtype=torch.int64)  # up to each distinct length, in ascending order
    torch.cumsum(counts, 0, out=texts[1:])
    costs = torch.zeros(len(distinct) + 1, dtype=torch.float64)
    first = []  # for each distinct length, where the piece that ends with it begins at the least cost
    for last, longest in enumerate(distinct.tolist()):
        ways = costs[: last + 1] + (texts[last + 1] - texts[: last + 1]) * longest
        first.append(int(ways.argmin()))
        costs[last + 1] = ways[first[-1]] + overhead
    ends = [len(distinct)]
    while ends[0]:
        ends.insert(0, first[ends[0] - 1])
    if len(ends) == 2:
        return [torch.arange(len(lengths))]
    return list(torch.argsort(lengths, stable=True).split(texts[ends].diff().tolist()))


def _share(splade: SpladeModel) -> float:
    """Parameters of the token embedding for each one of the layers."""
    embedding: Tensor = splade.masked_lm.get_input_embeddings().weight  # type: ignore[assignment]
    held = {id(embedding), *map(id, splade.head.projection.parts)}
    layers = sum(parameter.numel() for parameter in splade.masked_lm.parameters() if id(parameter) not in held)
    return embedding.numel() / max(1, layers)
