"""Backward of a logical batch at bounded memory: the gradient cache.

The term weights are computed piece by piece without a graph, the loss of the whole batch gives the gradient of every
term weight, and each piece is then encoded again with a graph and takes its share of it. The gradient is the direct
one; only the activations of `encode_rows` texts are alive at a time, for one more forward pass.

Source: Gao et al., arXiv 2101.06983.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from rescalade.splade.length_groups import Features, cut
from rescalade.training.objective import SpladeObjective


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
    texts = sum(len(side["input_ids"]) for side in features)
    if encode_rows is None or texts <= encode_rows:
        torch.manual_seed(seed)
        loss: Tensor = objective(features, labels)
        (loss * scale).backward()
        return loss.detach()
    pieces = [(side, *piece) for side, all_of in enumerate(features) for piece in _pieces(all_of, encode_rows)]
    weights: list[Tensor | None] = [None, None]
    with torch.no_grad():
        for number, (side, rows, piece) in enumerate(pieces):
            torch.manual_seed(mixed(seed, number))
            encoded = objective.encode(piece)
            held = weights[side]
            if held is None:
                held = weights[side] = encoded.new_empty((len(features[side]["input_ids"]), encoded.shape[1]))
            held[rows] = encoded
    queries, documents = (held.requires_grad_() for held in weights if held is not None)
    loss = objective.from_weights(queries, documents, labels)
    gradients = torch.autograd.grad(loss * scale, (queries, documents))
    for number, (side, rows, piece) in enumerate(pieces):
        torch.manual_seed(mixed(seed, number))
        objective.encode(piece).backward(gradients[side][rows])
    return loss.detach()


def mixed(seed: int, *numbers: int) -> int:
    """A seed of 63 bits out of several numbers."""
    text = ":".join(map(str, (seed, *numbers)))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") >> 1


def _pieces(features: Features, size: int) -> Iterator[tuple[Tensor, Features]]:
    """Row numbers and features of pieces of at most `size` texts, of like length, without needless padding."""
    lengths = features["attention_mask"].sum(1).cpu()
    for rows in torch.argsort(lengths, stable=True).split(size):
        yield rows, cut(features, rows, lengths)
