"""Into how many pieces of texts of like length a batch is cut for training on a CPU, from what a piece costs."""

from __future__ import annotations

import torch
from torch import Tensor

from rescalade.splade.length_groups import LEAST_WORK, MOST, by_length
from rescalade.splade.model import SpladeModel

BODY, EMBEDDING = 75, 50
"""Cost of one more piece in tokens of padding: BODY for reading all layers again and adding up their gradients, and
EMBEDDING times the parameters of the token embedding for each one of the layers, since narrow layers leave a core idle
between small products. Fitted on BERT shapes of 2x128 and 12x768."""


def pieces(lengths: Tensor, splade: SpladeModel) -> list[Tensor]:
    """Row numbers of the pieces, shortest texts first; or of all rows in their order as the only piece.

    They depend on the lengths and the model alone, so that a batch that is computed twice is cut twice alike.

    Args:
        lengths: [B] int64 on the CPU, tokens of each text.
    """
    device = splade.device.type
    if len(lengths) < 2:
        return [torch.arange(len(lengths))]
    if device != "cpu":
        return by_length(lengths, LEAST_WORK["cuda"] // splade.head.weight.shape[1])
    overhead = BODY + EMBEDDING * _share(splade)
    order = torch.argsort(lengths, stable=True)
    found, least = [torch.arange(len(lengths))], len(lengths) * int(lengths.max()) + overhead
    for count in range(2, min(MOST, len(lengths)) + 1):
        parts = list(order.chunk(count))
        cost = sum(len(rows) * int(lengths[rows].max()) for rows in parts) + overhead * len(parts)
        if cost < least:
            found, least = parts, cost
    return found


def _share(splade: SpladeModel) -> float:
    """Parameters of the token embedding for each one of the layers."""
    embedding: Tensor = splade.masked_lm.get_input_embeddings().weight  # type: ignore[assignment]
    held = {id(embedding), *map(id, splade.head.projection.parts)}
    layers = sum(parameter.numel() for parameter in splade.masked_lm.parameters() if id(parameter) not in held)
    return embedding.numel() / max(1, layers)
