"""Rules for k against hand-worked values and direct search, and the risk in words."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from rescalade.heads.audit import bf16_step
from rescalade.heads.choose import at_scale, power_of_two, predict, predicted_scale
from rescalade.heads.risk import judge_risk

NORMS = {"width": 256, "row_norm": {"mean": 2.802}}


def weights(size: float) -> tuple[Tensor, Tensor]:
    """Term weights of 3 queries and 6 documents from logits of a given size."""
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(9, 50, generator=generator) * size
    found = torch.log1p(torch.relu(logits))
    return found[:3], found[3:]


def test_weights_at_another_scale_follow_from_the_logits() -> None:
    logits = torch.tensor([[-3.0, 0.0, 0.5, 80.0]])
    expected = torch.tensor([[0.0, 0.0, math.log(1.0625), math.log(11.0)]])
    torch.testing.assert_close(at_scale(torch.log1p(torch.relu(logits)), 8), expected)


@pytest.mark.parametrize(("k", "power"), [(0.3, 1), (1, 1), (1.4, 1), (1.5, 2), (2.8, 2), (2.9, 4), (12, 16), (11, 8)])
def test_powers_of_two_are_nearest_on_a_log_scale(k: float, power: int) -> None:
    assert power_of_two(k) == power


def test_width_and_norm_are_plain_arithmetic() -> None:
    found = predict(NORMS, *weights(5))
    assert found["width"]["k"] == 4.0  # 256^(1/4)
    assert found["norm"]["k"] == pytest.approx(2.0)  # 2.802 / 1.401
    assert predicted_scale({"predicted": found}, "norm") == 2.0


def test_solved_rules_meet_their_targets() -> None:
    queries, documents = weights(3000)
    found = predict(NORMS, queries, documents)
    assert at_scale(documents.double(), found["activation"]["k"]).mean().item() == pytest.approx(0.5, rel=1e-5)
    scores = at_scale(queries.double(), found["score"]["k"]) @ at_scale(documents.double(), found["score"]["k"]).t()
    assert scores.mean().item() == pytest.approx(128, rel=1e-5)


def test_the_loss_rule_takes_the_first_power_of_two_within_its_limit() -> None:
    queries, documents = weights(3000)
    chosen = predict(NORMS, queries, documents)["loss"]["power"]

    def loss(k: float) -> float:
        scores = at_scale(queries.double(), k) @ at_scale(documents.double(), k).t()
        return float(-torch.log_softmax(scores, 1)[torch.arange(3), torch.arange(3)].mean())

    within = [k for k in (2**e for e in range(14)) if loss(k) <= 2 * math.log(6)]
    assert chosen == within[0] > 1


def test_a_head_that_meets_the_targets_is_left_alone() -> None:
    found = predict({**NORMS, "row_norm": {"mean": 0.4}}, *weights(0.1))
    assert {found[rule]["power"] for rule in ("norm", "activation", "score", "loss")} == {1}
    assert found["loss"]["note"] == "met without a division"


def test_a_broken_head_has_no_k() -> None:
    queries, documents = weights(1)
    found = predict(NORMS, queries * math.nan, documents)
    assert (found["score"]["k"], found["score"]["power"]) == (None, 1)
    assert "no k" in found["loss"]["note"]


@pytest.mark.parametrize("value", [1e-3, 0.9, 1.0, 100.0, 128.0, 129.5, 787895.0])
def test_bf16_steps_are_those_of_the_format(value: float) -> None:
    stored = torch.tensor(value, dtype=torch.bfloat16)
    if stored > value:  # rounded up: the number at or below the value
        stored = (stored.view(torch.int16) - 1).view(torch.bfloat16)
    following = (stored.view(torch.int16) + 1).view(torch.bfloat16)
    assert bf16_step(value) == float(following) - float(stored)


SOUND: dict[str, Any] = {
    "k": 1.0, "mode": "tied", "bias": False, "logit_error": 0.0, "step0_loss": 4.0, "gradient_norm": 2.0,
    "active_document": 200.0, "cosine_document": 0.5, "score_mean": 20.0, "score_sd": 5.0, "bf16_step": 0.125,
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "norm", "level", "words"),
    [
        ({}, 1.4, "low", "no rule"),
        ({"step0_loss": 21600.0}, 1.4, "high", "times ln(64)"),
        ({"step0_loss": 500 * math.log(64) * 0.99}, 1.4, "raised", "times ln(64)"),
        ({"step0_loss": math.nan}, 1.4, "high", "not finite"),
        ({"active_document": 0.5}, 1.4, "high", "dead"),
        ({"cosine_document": 0.96}, 1.4, "raised", "cosine"),
        ({}, 2.553, "raised", "large: above 2"),
        ({"k": 2.0}, 2.553, "low", "no rule"),
        ({"logit_error": 0.22, "k": 2.0}, 1.4, "raised", "22% off"),
        ({"logit_error": 0.22, "mode": "folded"}, 1.4, "low", "no rule"),
        ({"score_mean": 787895.0, "bf16_step": 4096.0, "score_sd": 9000.0}, 1.4, "raised", "float32"),
        ({"score_mean": 787895.0, "bf16_step": 4096.0, "score_sd": 90000.0}, 1.4, "low", "no rule"),
    ],
)
def test_the_risk_is_named_with_its_rule(change: dict[str, Any], norm: float, level: str, words: str) -> None:
    found = judge_risk({**SOUND, **change}, {"row_norm": {"mean": norm}}, candidates=64)
    assert found["level"] == level
    assert words in "; ".join(found["reasons"])
