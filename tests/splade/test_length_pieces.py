"""Cutting a batch for training: what is cheapest by counting tokens of padding and the cost of pieces."""

from __future__ import annotations

import math

import torch

from rescalade.splade.length_pieces import BODY, EMBEDDING, pieces
from rescalade.splade.model import SpladeModel
from support.models import tiny


def test_the_number_of_pieces_is_the_cheapest() -> None:
    """By brute force over what the tiny model's parameters say; all lengths alike are never cut."""
    model = SpladeModel(tiny("bert"))
    body = sum(value.numel() for name, value in model.masked_lm.named_parameters() if "word_embeddings" not in name)
    overhead = BODY + EMBEDDING * 60 * 16 / body
    for texts, longest in ((2, 300), (16, 300), (40, 60)):
        lengths = torch.randint(2, longest, (texts,), generator=torch.Generator().manual_seed(texts))
        found = pieces(lengths, model)
        assert sorted(torch.cat(found).tolist()) == list(range(texts))
        ordered = sorted(lengths.tolist())
        costs = {}
        for count in range(1, min(8, texts) + 1):
            size = math.ceil(texts / count)
            parts = [ordered[first : first + size] for first in range(0, texts, size)]
            costs[len(parts)] = sum(len(part) * max(part) + overhead for part in parts)
        assert costs[len(found)] == min(costs.values())
    assert len(pieces(torch.full((64,), 300), model)) == 1 and len(pieces(torch.tensor([5]), model)) == 1
