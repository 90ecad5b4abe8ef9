"""One batch of 32 queries with 15 hard negatives each, as CSPLADE trains: 511 negatives for every query."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from rescalade.splade.model import SpladeModel
from rescalade.training.settings import TrainSettings
from support.training import examples, run, still, texts_of

SETTINGS = TrainSettings(
    batch_size=32, negatives=15, max_steps=1, encode_rows=64, learning_rate=1e-2, warmup_ratio=0.0, ramp="none",
    epsilon=1.0, lambda_query=0.3, lambda_document=0.2, max_gradient_norm=1e6,
)  # fmt: skip
"""epsilon 1: AdamW's first update is nearly the gradient itself."""


def test_the_loss_is_over_all_passages_of_the_batch(tmp_path: Path) -> None:
    """Loss and gradient by a dense model: every text alone, a softmax over 512 passages, no piece by piece."""
    data = examples(32, negatives=15)
    trained, weights = run(tmp_path, SETTINGS, data=data, model=still())
    model = still().masked_lm
    SpladeModel(model).restore_decoder()
    model.eval()

    def dense(texts: list[list[int]]) -> torch.Tensor:
        rows = [model(input_ids=torch.tensor([text])).logits[0].relu().log1p().amax(0) for text in texts]
        return torch.stack(rows)

    queries = dense(texts_of(data.queries, data.rows[:, 0]))
    passages = torch.stack(dense(texts_of(data.documents, data.rows[:, 1:].reshape(-1))).split(16))  # [32, 16, V]
    scores = torch.einsum("qv,bpv->qbp", queries, passages)
    assert scores[0].numel() - 1 == 511
    own = torch.stack([scores[q, q, 0] for q in range(32)])
    loss = (scores.reshape(32, 512).logsumexp(1) - own).mean()
    loss = loss + 0.3 * (queries.mean(0) ** 2).sum() + 0.2 * (passages.mean((0, 1)) ** 2).sum()
    loss.backward()
    (row,) = trained.history
    assert row["loss"] == pytest.approx(float(loss.detach()), rel=1e-5)
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    assert row["gradient_norm"] == pytest.approx(math.sqrt(sum(float((g**2).sum()) for g in gradients)), rel=1e-4)
    for name, parameter in model.named_parameters():
        if parameter.grad is not None:  # the update of a first step: gradient over its size and epsilon
            moved = -1e-2 * parameter.grad / (parameter.grad.abs() + 1.0)
            torch.testing.assert_close(
                weights[f"masked_lm.{name}"] - parameter.detach(), moved, rtol=1e-3, atol=1e-6, msg=name
            )
