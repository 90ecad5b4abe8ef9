"""The gradient cache gives the gradient of the direct pass, whatever the size of its pieces."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from rescalade.splade.length_groups import LEAST_WORK, by_length, reorder
from rescalade.splade.model import SpladeModel
from rescalade.splade.modules import sparse_encoder
from rescalade.texts.layout import Layout
from rescalade.training.cache import backward
from rescalade.training.examples import collate
from rescalade.training.objective import SpladeObjective
from rescalade.training.settings import TrainSettings
from rescalade.training.sharding import Sharding
from support.encoding import splade_config
from support.models import tiny
from support.training import Tokenizer, examples, run, still

SETTINGS = TrainSettings(
    batch_size=12, max_steps=3, learning_rate=1e-2, warmup_ratio=0.0, ramp="none", epsilon=1.0, max_gradient_norm=1e6
)
"""epsilon 1: AdamW's update is close to the gradient itself, so weights compare as gradients do."""


@pytest.mark.parametrize("encode_rows", [1, 5, 12, 23])
def test_same_losses_and_weights(encode_rows: int, tmp_path: Path) -> None:
    direct, weights = run(tmp_path / "direct", SETTINGS, model=still())
    chosen = SETTINGS.model_copy(update={"encode_rows": encode_rows})
    cached, same = run(tmp_path / "cached", chosen, model=still())
    for column in ("loss", "gradient_norm", "flops_document", "active_query"):
        found = [row[column] for row in cached.history]
        assert found == pytest.approx([row[column] for row in direct.history], rel=1e-5), column
    for name, value in weights.items():
        torch.testing.assert_close(same[name], value, rtol=1e-5, atol=1e-6, msg=name)


def test_dropout_of_both_passes_is_the_same() -> None:
    """The gradient is that of the loss returned, by a finite difference along it: other masks would give another."""
    data, tokenizer = examples(), Tokenizer()
    model = SpladeModel(tiny("bert"))
    model.train()
    encoder = sparse_encoder(model, tokenizer, layout=Layout(16))  # type: ignore[arg-type]
    batch = collate(tokenizer, data, range(12), splade_config())  # type: ignore[arg-type]
    features = [
        {name: batch[f"{side}_{name}"] for name in ("input_ids", "attention_mask", "pooled")}
        for side in ("query", "document")
    ]
    objective = SpladeObjective(encoder, SETTINGS, Sharding(1, 12), 12)
    objective.begin((0.05, 0.05), measured=True)

    def loss() -> float:
        return float(backward(objective, features, None, scale=1.0, encode_rows=5, seed=3))

    before = loss()
    assert loss() == before
    model.zero_grad()
    loss()
    gradients = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    square = sum(float((g**2).sum()) for g in gradients.values())
    step = 1e-3 / square**0.5

    def moved(by: float) -> float:
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if name in gradients:
                    parameter.add_(gradients[name], alpha=by)
        return loss()

    up = moved(step)
    down = moved(-2 * step)
    assert (up - down) / (2 * step) == pytest.approx(square, rel=0.01)


def test_pieces_bound_the_texts_encoded_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    original = SpladeModel.decoder_inputs

    def watched(self: SpladeModel, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        seen.append(len(input_ids))
        return original(self, input_ids, attention_mask)

    monkeypatch.setattr(SpladeModel, "decoder_inputs", watched)
    run(tmp_path, SETTINGS.model_copy(update={"encode_rows": 5, "max_steps": 1}), data=examples())
    assert max(seen) == 5
    assert sum(seen) == 2 * (12 + 24)  # each text twice: once without and once with a graph


def test_pieces_of_like_length_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, weights = run(tmp_path / "whole", SETTINGS, model=still())
    monkeypatch.setitem(LEAST_WORK, "cpu", 16 * 16)
    monkeypatch.setattr("rescalade.splade.length_groups.SAVING", 0.0)
    cut, same = run(tmp_path / "cut", SETTINGS, model=still())
    assert [row["loss"] for row in cut.history] == pytest.approx([row["loss"] for row in whole.history], rel=1e-5)
    for name, value in weights.items():
        torch.testing.assert_close(same[name], value, rtol=1e-5, atol=1e-6, msg=name)


def test_cutting_must_pay() -> None:
    lengths = torch.tensor([3, 20, 4, 19, 5, 18])
    assert [rows.tolist() for rows in by_length(lengths, 60)] == [[0, 2, 4], [5, 3, 1]]  # 120 padded tokens become 75
    assert [rows.tolist() for rows in by_length(lengths, 61)] == [[0, 1, 2, 3, 4, 5]]  # a piece would be too small
    assert len(by_length(torch.full((6,), 20), 60)) == 1  # nothing to spare


def test_texts_come_back_in_their_order() -> None:
    short = torch.tensor([[1.0], [1.5], [3.0]]), torch.tensor([0, 2, 3])  # rows 1 and 3 of the batch
    long = torch.tensor([[2.0], [2.5], [2.75], [0.0]]), torch.tensor([0, 3, 4])  # rows 2 and 0
    packed, offsets = reorder([short, long], torch.tensor([1, 3, 2, 0]))
    assert packed.flatten().tolist() == [0.0, 1.0, 1.5, 2.0, 2.5, 2.75, 3.0]
    assert offsets.tolist() == [0, 1, 3, 6, 7]
