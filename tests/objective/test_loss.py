"""Loss, regulariser and schedules against numbers worked by hand."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from rescalade.objective.loss import (
    RANKING,
    contrastive,
    flops_regulariser,
    info_nce,
    kl_distillation,
    l1_regulariser,
    margin_mse,
    own_negatives_contrastive,
    own_scores,
    score,
)
from rescalade.objective.measures import activity, mean_cosine
from rescalade.training.schedule import learning_rate_factor, linear_factor, part_of_steps, ramp_factor
from rescalade.training.settings import TrainSettings


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


SCORES = torch.tensor(
    [
        # positives of queries 0 and 1, two negatives of query 0, two of query 1
        [3.0, 1.0, 2.0, 0.0, 9.0, 8.0],
        [0.5, 4.0, 7.0, 6.0, 1.0, 2.0],
    ]
)


def test_own_scores_are_the_positive_and_the_querys_own_negatives() -> None:
    assert own_scores(SCORES).tolist() == [[3.0, 2.0, 0.0], [4.0, 1.0, 2.0]]


def test_own_negatives_loss_leaves_the_negatives_of_others_out() -> None:
    first = -3 + math.log(math.exp(3) + math.exp(1) + math.exp(2) + 1)
    second = -4 + math.log(math.exp(0.5) + math.exp(4) + math.exp(1) + math.exp(2))
    assert float(own_negatives_contrastive(SCORES, 1.0)) == pytest.approx((first + second) / 2, rel=1e-6)
    assert float(contrastive(SCORES, 1.0)) > float(own_negatives_contrastive(SCORES, 1.0))


def test_margin_mse_by_hand() -> None:
    teacher = torch.tensor([[10.0, 9.5, 6.0], [1.0, 0.0, 3.0]])
    # student margins 1, 3 and 3, 2; teacher margins 0.5, 4 and 1, -2
    expected = (0.5**2 + 1.0**2 + 2.0**2 + 4.0**2) / 4
    assert float(margin_mse(own_scores(SCORES), teacher)) == pytest.approx(expected)


def test_kl_by_hand_and_zero_for_an_equal_teacher() -> None:
    own, teacher = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 0.0]])
    student = [math.exp(2) / (math.exp(2) + 1), 1 / (math.exp(2) + 1)]
    expected = sum(0.5 * math.log(0.5 / p) for p in student)
    assert float(kl_distillation(own, teacher, 1.0)) == pytest.approx(expected, rel=1e-6)
    assert float(kl_distillation(own, own + 5.0, 1.0)) == pytest.approx(0.0, abs=1e-7)  # a shift changes no softmax
    halved = [math.exp(1) / (math.exp(1) + 1), 1 / (math.exp(1) + 1)]
    assert float(kl_distillation(own, teacher, 2.0)) == pytest.approx(
        4 * sum(0.5 * math.log(0.5 / p) for p in halved), rel=1e-6
    )


def test_l1_is_the_mean_over_texts_of_the_sum_of_weights() -> None:
    assert float(l1_regulariser(torch.tensor([[2.0, 1.0], [0.0, 0.0]]))) == 1.5


def test_bf16_scores_are_rounded() -> None:
    queries, documents = torch.tensor([[1.0, 1.0]]), torch.tensor([[256.0, 1.0]])
    assert score(queries, documents).item() == 257.0
    assert score(queries, documents, "bf16").item() == 256.0  # 8 bits of mantissa
    assert score(queries, documents, "bf16").dtype == torch.float32


def test_other_ramps_and_schedules() -> None:
    assert [ramp_factor("linear", step, 4) for step in (0, 1, 4, 9)] == [0, 0.25, 1, 1]
    assert [ramp_factor("quadratic", step, 4) for step in (0, 1, 4)] == [0, 1 / 16, 1]
    assert ramp_factor("none", 0, 4) == 1.0
    assert [learning_rate_factor("constant", step, 10, 2) for step in (0, 1, 2, 9)] == [0, 0.5, 1, 1]
    assert learning_rate_factor("cosine", 6, 10, 2) == pytest.approx(0.5)
    assert learning_rate_factor("linear", 6, 10, 2) == 0.5  # four of the eight steps after the warm-up are left


def test_quadratic_ramp() -> None:
    assert [ramp_factor("quadratic", step, 4) for step in (0, 1, 2, 4, 9)] == [0, 1 / 16, 1 / 4, 1, 1]
    assert ramp_factor("quadratic", 0, 0) == 1.0


def test_linear_schedule_equals_transformers() -> None:
    from transformers import get_linear_schedule_with_warmup

    total = 37
    warmup = part_of_steps(total, 0.1)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = get_linear_schedule_with_warmup(optimizer, warmup, total)
    for step in range(total):
        assert linear_factor(step, total, warmup) == pytest.approx(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()


@pytest.mark.parametrize("empty", [[], [2], [0, 2, 5], [0, 1, 2, 4, 5], [0, 1, 2, 3, 4, 5]])
def test_mean_cosine_equals_the_mean_over_pairs_of_texts_that_are_not_empty(empty: list[int]) -> None:
    weights = torch.rand(6, 5, generator=torch.Generator().manual_seed(0))
    weights[empty] = 0
    filled = [row for row in weights if row.any()]
    pairs = [float(torch.cosine_similarity(one, two, dim=0)) for one, two in itertools.permutations(filled, 2)]
    assert mean_cosine(weights) == pytest.approx(sum(pairs) / len(pairs) if pairs else 0.0, abs=1e-6)


def test_the_mean_cosine_with_a_weight_that_is_no_number_is_none() -> None:
    weights = torch.ones(3, 4)
    weights[1, 2] = math.nan
    assert math.isnan(mean_cosine(weights))


@pytest.mark.parametrize(("loss", "negatives"), [(n, c) for n in RANKING for c in (1, 3) if RANKING[n].candidates])
def test_the_loss_of_telling_nothing_apart_is_the_logarithm_of_the_candidates(loss: str, negatives: int) -> None:
    count = RANKING[loss].candidates
    assert count is not None
    scores = torch.full((8, 8 + 8 * negatives), 2.5)
    found = RANKING[loss].function(scores, torch.empty(0), TrainSettings(temperature=0.5))
    assert float(found) == pytest.approx(math.log(count(8, negatives)), rel=1e-6)


def test_activity_counts() -> None:
    found = activity(torch.tensor([[0.0, 0.5, 2.0], [0.0, 0.0, 0.0]]), "document")
    assert found["active_document"] == 1.0
    assert found["empty_document"] == 0.5
    assert found["max_weight_document"] == 2.0
