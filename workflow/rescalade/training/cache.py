"""Backward of a logical batch at bounded memory: the gradient cache.

The term weights are computed piece by piece without a graph, the loss of the whole batch gives the gradient of every
term weight, and each piece is then encoded again with a graph and takes its share of it. The gradient is the direct
one; only the activations of `encode_rows` texts are alive at a time, for one more forward pass.

Source: Gao et al., arXiv 2101.06983.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from rescalade.splade.length_groups import Features, cut
from rescalade.training.objective import SpladeObjective
from rescalade.training.seeds import mixed

Piece = tuple[int, Tensor, Features]
"""Side (0 for queries, 1 for documents), row numbers and features of some texts that are encoded together."""


def backward(
    objective: SpladeObjective,
    features: Sequence[Features],
    labels: Tensor | None,
    *,
    scale: float,
    encode_rows: int | None,
    seed: int,
) -> Tensor:
    """Add `scale` times the gradient of one logical batch to the parameters; returns the loss, unscaled.

    Args:
        features: of the queries and of the documents.
        encode_rows: texts encoded at a time; None for all.
        seed: of dropout. Each piece draws from a seed of its own, so that its second pass repeats the first.
    """
    if _whole(features, encode_rows):
        torch.manual_seed(seed)
        loss: Tensor = objective(features, labels)
        (loss * scale).backward()
        return loss.detach()
    pieces = _pieces(features, encode_rows)
    queries, documents = (held.requires_grad_() for held in _weights(objective, features, pieces, seed))
    loss = objective.from_weights(queries, documents, labels)
    gradients = torch.autograd.grad(loss * scale, (queries, documents))
    for number, (side, rows, piece) in enumerate(pieces):
        torch.manual_seed(mixed(seed, number))
        objective.encode(piece).backward(gradients[side][rows])
    return loss.detach()


def forward(
    objective: SpladeObjective,
    features: Sequence[Features],
    labels: Tensor | None,
    *,
    encode_rows: int | None,
    seed: int,
) -> Tensor:
    """The loss that `backward` would find, with no gradient and nothing kept for one."""
    with torch.no_grad():
        if _whole(features, encode_rows):
            torch.manual_seed(seed)
            loss: Tensor = objective(features, labels)
            return loss
        queries, documents = _weights(objective, features, _pieces(features, encode_rows), seed)
        return objective.from_weights(queries, documents, labels)


def _whole(features: Sequence[Features], encode_rows: int | None) -> bool:
    return encode_rows is None or sum(len(side["input_ids"]) for side in features) <= encode_rows


def _pieces(features: Sequence[Features], size: int | None) -> list[Piece]:
    """Pieces of at most `size` texts, of like length, without needless padding."""
    found: list[Piece] = []
    for number, side in enumerate(features):
        lengths = side["attention_mask"].sum(1).cpu()
        ordered = torch.argsort(lengths, stable=True)
        found += [(number, rows, cut(side, rows, lengths)) for rows in ordered.split(size or len(ordered))]
    return found


def _weights(
    objective: SpladeObjective, features: Sequence[Features], pieces: Sequence[Piece], seed: int
) -> list[Tensor]:
    """Term weights of each side, encoded piece by piece without a graph."""
    held: list[Tensor | None] = [None] * len(features)
    with torch.no_grad():
        for number, (side, rows, piece) in enumerate(pieces):
            torch.manual_seed(mixed(seed, number))
            encoded = objective.encode(piece)
            whole = held[side]
            if whole is None:
                whole = held[side] = encoded.new_empty((len(features[side]["input_ids"]), encoded.shape[1]))
            whole[rows] = encoded
    return [whole for whole in held if whole is not None]
