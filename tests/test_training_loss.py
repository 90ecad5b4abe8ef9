"""Loss, regulariser and schedules against numbers worked by hand."""

from __future__ import annotations

import math

import pytest
import torch

from rescalade.training.loss import flops_regulariser, info_nce
from rescalade.training.measures import activity, mean_cosine
from rescalade.training.schedule import linear_factor, quadratic_ramp, warmup_steps


def test_info_nce_by_hand() -> None:
    queries = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    documents = torch.tensor([[2.0, 0.0], [0.0, 1.0], [1.0, 1.0]])  # two positives, one negative
    loss, scores = info_nce(queries, documents, 1.0)
    assert scores.tolist() == [[2.0, 0.0, 1.0], [0.0, 1.0, 1.0]]
    first = -2 + math.log(math.exp(2) + 1 + math.e)
    second = -1 + math.log(1 + 2 * math.e)
    assert float(loss) == pytest.approx((first + second) / 2, rel=1e-6)


def test_temperature_divides_the_scores_but_not_those_returned() -> None:
    queries, documents = torch.tensor([[4.0]]), torch.tensor([[1.0], [0.5]])
    loss, scores = info_nce(queries, documents, 2.0)
    assert scores.tolist() == [[4.0, 2.0]]
    assert float(loss) == pytest.approx(math.log(1 + math.exp(-1)))


def test_all_zero_vectors_give_ln_of_the_candidates() -> None:
    loss, _ = info_nce(torch.zeros(4, 9), torch.zeros(8, 9), 1.0)
    assert float(loss) == pytest.approx(math.log(8))


def test_flops_is_the_square_of_the_mean_not_the_mean_of_squares() -> None:
    weights = torch.tensor([[2.0, 0.0], [0.0, 0.0], [1.0, 3.0]])
    assert float(flops_regulariser(weights)) == pytest.approx(1.0 + 1.0)


def test_quadratic_ramp() -> None:
    assert [quadratic_ramp(step, 4) for step in (0, 1, 2, 4, 9)] == [0, 1 / 16, 1 / 4, 1, 1]
    assert quadratic_ramp(0, 0) == 1.0


def test_linear_schedule_equals_transformers() -> None:
    from transformers import get_linear_schedule_with_warmup

    total = 37
    warmup = warmup_steps(total, 0.1)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = get_linear_schedule_with_warmup(optimizer, warmup, total)
    for step in range(total):
        assert linear_factor(step, total, warmup) == pytest.approx(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()


def test_mean_cosine_equals_the_sum_over_pairs() -> None:
    weights = torch.rand(6, 5, generator=torch.Generator().manual_seed(0))
    weights[2] = 0
    pairs = [
        0.0 if 2 in (i, j) else float(torch.cosine_similarity(weights[i], weights[j], dim=0))
        for i in range(6)
        for j in range(6)
        if i != j
    ]
    assert mean_cosine(weights) == pytest.approx(sum(pairs) / len(pairs), abs=1e-6)


def test_activity_counts() -> None:
    found = activity(torch.tensor([[0.0, 0.5, 2.0], [0.0, 0.0, 0.0]]), "document")
    assert found["active_document"] == 1.0
    assert found["empty_document"] == 0.5
    assert found["max_weight_document"] == 2.0
