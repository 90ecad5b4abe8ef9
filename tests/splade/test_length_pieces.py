"""Cutting a batch: what is cheapest by counting padding and the cost of pieces, and that nothing else changes."""

from __future__ import annotations

from itertools import product

import pytest
import torch

from rescalade.splade import packed_inputs
from rescalade.splade.length_pieces import BODY, EMBEDDING, NARROW, READING, cheapest, pieces
from rescalade.splade.model import SpladeModel
from support.families import tiny_form
from support.models import tiny


def cost(parts: list[list[int]], overhead: float) -> float:
    return sum(len(part) * max(part) + overhead for part in parts)


@pytest.mark.parametrize("overhead", [0.5, 7.5, 30.5, 1000.5])
def test_the_pieces_are_the_cheapest_of_all_cuts(overhead: float) -> None:
    """By brute force over every way to part the texts in their order of length."""
    for seed in range(6):
        lengths = torch.randint(2, 12 + 5 * seed, (9,), generator=torch.Generator().manual_seed(seed))
        found = cheapest(lengths, overhead)
        assert sorted(torch.cat(found).tolist()) == list(range(9))
        ordered, best = sorted(lengths.tolist()), float("inf")
        for borders in product([False, True], repeat=8):
            parts = [[ordered[0]]]
            for length, border in zip(ordered[1:], borders, strict=True):
                parts = [*parts, [length]] if border else [*parts[:-1], [*parts[-1], length]]
            best = min(best, cost(parts, overhead))
        assert cost([lengths[rows].tolist() for rows in found], overhead) == best


def test_a_piece_costs_less_where_no_weight_gets_a_gradient() -> None:
    model = SpladeModel(tiny("bert"))
    body = sum(value.numel() for name, value in model.masked_lm.named_parameters() if "word_embeddings" not in name)
    for frozen, price in ((False, BODY + EMBEDDING * 60 * 16 / body), (True, READING + NARROW / 16)):
        for spared in (int(price), int(price) + 1):  # by parting one text from two that are longer by as much
            lengths = torch.tensor([900, 900 - spared, 900])
            assert len(pieces(lengths, model, frozen=frozen)) == (2 if spared > price else 1)
    assert len(pieces(torch.full((64,), 300), model)) == 1 and len(pieces(torch.tensor([5]), model)) == 1


@pytest.mark.parametrize("form", ["bert", "modernbert-decoder"])
def test_encoding_in_pieces_changes_no_vector(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = SpladeModel(tiny_form(form).eval())
    lengths = torch.tensor([3, 12, 4, 0, 11, 12])
    mask = (torch.arange(12) < lengths[:, None]).long()
    features = {"input_ids": mask * torch.arange(5, 17), "attention_mask": mask, "pooled": mask.bool()}
    found = []
    for overhead, parts in ((1000, 1), (0, 5)):
        monkeypatch.setattr(packed_inputs, "pieces", lambda found, *_, cost=overhead, **__: cheapest(found, cost + 0.1))
        packed, offsets = packed_inputs.packed_inputs(model, features, half=False, encoding=True)
        assert len(packed_inputs._pieces(model, lengths, encoding=True)) == parts
        assert offsets.diff().tolist() == lengths.tolist()
        found.append(model.pool(packed, offsets).detach())
    torch.testing.assert_close(found[0], found[1], rtol=1e-5, atol=1e-6)  # sums of float32 in another order
