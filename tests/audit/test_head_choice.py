"""Rules for k against hand-worked values and direct search, and warnings."""

from __future__ import annotations

import math
import operator
import statistics
from typing import Any

import pytest
import torch

from rescalade.audit.choose import Pooled, predict
from rescalade.audit.measure import bf16_step
from rescalade.audit.rules import by_norm, by_spread, by_width, power_of_two, start_of
from rescalade.audit.warned import chosen_outside, warnings_of
from rescalade.audited import Measured, Tried, predicted_scale
from rescalade.variants import Variant
from support.synthetic_audits import invented_norms

NORMS = invented_norms(2.802, width=256)


def pools(size: float, bias: float | None = None) -> tuple[Pooled, Pooled]:
    """Pooled products of 3 queries and 6 documents of a given size."""
    generator = torch.Generator().manual_seed(3)
    products = torch.randn(9, 50, generator=generator) * size
    shift = None if bias is None else torch.full((50,), bias)
    return Pooled(products[:3], shift), Pooled(products[3:], shift)


def test_weights_at_a_scale_divide_the_bias_or_leave_it() -> None:
    pooled = Pooled(torch.tensor([[-3.0, 0.0, 4.5, 80.0]]), torch.tensor([-1.0, 1.0, -0.5, 8.0]))
    both = torch.tensor([[0.0, math.log(1.125), math.log(1.5), math.log(12.0)]])  # (m + b) / 8
    kept = torch.tensor([[0.0, math.log(2.0), math.log(1.0625), math.log(19.0)]])  # m / 8 + b
    torch.testing.assert_close(pooled.at_scale(8, bias=True).float(), both)
    torch.testing.assert_close(pooled.at_scale(8, bias=False).float(), kept)


def test_a_soft_cap_is_divided_too() -> None:
    pooled = Pooled(torch.tensor([[5.0]]), None, soft_cap=30.0)
    expected = math.log1p(30 * math.tanh(5 / 30) / 4)
    assert pooled.at_scale(4, bias=False).item() == pytest.approx(expected)


@pytest.mark.parametrize(("k", "power"), [(0.3, 1), (1, 1), (1.4, 1), (1.5, 2), (2.8, 2), (2.9, 4), (12, 16), (11, 8)])
def test_powers_of_two_are_nearest_on_a_log_scale(k: float, power: int) -> None:
    assert power_of_two(k) == power


def test_width_and_norm_are_plain_arithmetic() -> None:
    found = predict(NORMS, *pools(5))
    assert found["width"].k == 4.0  # 256^(1/4)
    assert found["norm"].k == pytest.approx(2.0)  # 2.802 / 1.401
    assert predicted_scale(found, Variant.automatic("norm", "untied", bias=True)) == 2.0


@pytest.mark.parametrize("bias", [False, True])
def test_the_fourth_root_is_taken_as_it_is(bias: bool) -> None:
    """Squared twice it is the width; the run's name has the rule, and is read again."""
    found = predict(NORMS.model_copy(update={"width": 768}), *pools(5, -2.0))
    assert predicted_scale(found, Variant.automatic("width", "untied", bias)) == 4.0
    variant = Variant.automatic("root", "multiplier", bias)
    assert predicted_scale(found, variant) ** 2 == pytest.approx(768**0.5, rel=1e-12)
    assert Variant.parse(variant.name) == variant
    assert variant.name == ("kauto-root-multiplier-bias" if bias else "kauto-root-multiplier")


@pytest.mark.parametrize(("shift", "bias"), [(None, False), (-2.0, False), (-2.0, True)])
def test_solved_rules_meet_their_targets(shift: float | None, bias: bool) -> None:
    queries, documents = pools(3000, shift)
    found = predict(NORMS, queries, documents)
    end = "-bias" if bias else ""
    assert documents.at_scale(found[f"activation{end}"].k, bias).mean().item() == pytest.approx(0.5, rel=1e-5)


@pytest.mark.parametrize(("shift", "bias"), [(None, False), (-40.0, False), (-40.0, True), (5000.0, True)])
@pytest.mark.parametrize("temperature", [1.0, 16.0])
def test_the_score_rule_takes_the_first_power_of_two_in_the_window(
    shift: float | None, bias: bool, temperature: float
) -> None:
    """By the statistics module over all pairs, one dot product at a time."""
    queries, documents = pools(3000, shift)
    chosen = predict(NORMS, queries, documents, temperature)["score-bias" if bias else "score"]

    def spread(k: float) -> float:
        rows, columns = queries.at_scale(k, bias).tolist(), documents.at_scale(k, bias).tolist()
        scores = [math.fsum(map(operator.mul, row, column)) for row in rows for column in columns]
        return statistics.stdev(scores) / temperature

    within = [k for k in (2.0**e for e in range(14)) if 0.0121 <= spread(k) <= 37.8]
    assert chosen.k == within[0]
    assert temperature == 16 or within[0] > 1
    assert chosen.power == min(within[0], 16)
    assert "within 0.0121 to 37.8 (fitted on 2x128 models)" in chosen.target


def test_where_no_k_is_in_the_window_the_note_says_on_which_side() -> None:
    spreads = {1.0: 50.0, 2.0: 40.0, 4.0: 0.01, 8.0: 0.0}
    over = by_spread(spreads.__getitem__, [1, 2, 4, 8])
    assert (over.k, over.power, over.note) == (
        None, 1, "k = 4 is the first below 37.8, with 0.01 left: too few active terms",
    )  # fmt: skip
    assert by_spread(spreads.__getitem__, [1, 2]).note == "no k comes down to 37.8"
    assert by_spread(lambda _: math.nan, [1, 2]).note == "no k comes down to 37.8"
    assert by_spread(lambda k: 0.0, [1, 2]).note == "k = 1 is the first below 37.8, with 0 left: too few active terms"
    assert [start_of(value) for value in (0.0120, 0.0121, 37.8, 37.9, math.inf)] == [
        "too small", "inside", "inside", "too large", "not finite",
    ]  # fmt: skip


@pytest.mark.parametrize("bias", [False, True])
def test_the_loss_rule_takes_the_first_power_of_two_within_its_limit(bias: bool) -> None:
    queries, documents = pools(3000, -40.0)
    found = predict(NORMS, queries, documents)
    chosen = found["loss-bias" if bias else "loss"]

    def loss(k: float) -> float:
        scores = queries.at_scale(k, bias) @ documents.at_scale(k, bias).t()
        return float(-torch.log_softmax(scores, 1)[torch.arange(3), torch.arange(3)].mean())

    within = [k for k in (2**e for e in range(14)) if loss(k) <= 2 * math.log(6)]
    assert chosen.k == within[0] > 1
    assert predicted_scale(found, Variant.automatic("loss", "folded", bias)) == chosen.power == min(within[0], 16)
    assert "calibrated on 2x128 models" in chosen.target


def test_no_rule_goes_beyond_what_was_ever_trained() -> None:
    """The paper's largest k is 16."""
    asked = by_norm(1.401 * 23)  # 16 is the nearest power of two up to 16 * sqrt(2) = 22.6
    assert (asked.k, asked.power) == (pytest.approx(23), 16)
    assert asked.note == "asks for 32; capped at 16, the largest k of arXiv 2606.18811: none above it was ever trained"
    assert by_norm(1.401 * 22).note == "" and by_width(16.0**4).power == 16
    assert {found.power for found in predict(NORMS, *pools(1e7)).values()} == {2, 4, 16}


def test_a_negative_bias_that_is_kept_asks_for_less_division() -> None:
    found = predict(NORMS, *pools(3000, -40.0))
    kept, divided = found["loss"].k, found["loss-bias"].k
    assert kept is not None and divided is not None and kept < divided
    assert "bias kept" in found["loss"].target and "bias divided too" in found["loss-bias"].target


def test_a_positive_bias_that_is_kept_can_be_out_of_reach() -> None:
    found = predict(NORMS, *pools(3000, 40.0))
    kept = found["activation"]
    assert (kept.k, kept.power, kept.note) == (None, 1, "no k reaches the target")
    assert found["activation-bias"].k > 1


def test_a_head_that_meets_the_targets_is_left_alone() -> None:
    found = predict(invented_norms(0.4, width=256), *pools(0.1))
    assert {found[rule].power for rule in ("norm", "activation", "score", "loss")} == {1}
    assert found["loss"].note == "met without a division"
    assert set(found) == {"width", "norm", "activation", "score", "loss"}  # without a bias there is one of each


def test_a_broken_head_has_no_k() -> None:
    queries, documents = pools(1)
    broken = Pooled(queries.product * math.nan, None)
    found = predict(NORMS, broken, documents)
    assert (found["score"].k, found["score"].power) == (None, 1)
    assert "no k" in found["loss"].note


@pytest.mark.parametrize("value", [1e-3, 0.9, 1.0, 100.0, 128.0, 129.5, 787895.0])
def test_bf16_steps_are_those_of_the_format(value: float) -> None:
    stored = torch.tensor(value, dtype=torch.bfloat16)
    if stored > value:  # rounded up: the number at or below the value
        stored = (stored.view(torch.int16) - 1).view(torch.bfloat16)
    following = (stored.view(torch.int16) + 1).view(torch.bfloat16)
    assert bf16_step(value) == float(following) - float(stored)


SOUND = Measured(
    k=1.0, mode="tied", bias=False, rule=None, logit_error=0.0, logits_mean=-1.0, logits_sd=2.0, logits_max=9.0,
    active_query=100.0, active_document=200.0, cosine_document=0.5, activation_mean=0.2, score_mean=20.0, score_sd=5.0,
    score_positive=25.0, bf16_step=0.125, step0_loss=4.0, gradient_norm=2.0,
    first_token=0.1, last_token=0.1, pooled_positive=0.02, offset_mean=-1.0, offset_sd=1.0,
)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "norm", "words"),
    [
        ({}, 1.4, ""),
        ({"step0_loss": 21600.0}, 1.4, ""),  # the paper's best cells begin at hundreds of ln(candidates)
        ({"step0_loss": math.nan}, 1.4, "not finite"),
        ({"step0_loss": math.log(64)}, 1.4, ""),  # so began some that trained
        ({"score_sd": 0.024}, 1.4, "spread by 0.012 over the temperature: outside of the 0.0121 to 37.8 in which"),
        ({"score_sd": 0.025}, 1.4, ""),
        ({"score_sd": 75.0}, 1.4, ""),
        ({"score_sd": 76.0}, 1.4, "spread by 38 over the temperature"),
        ({"active_document": 0.5}, 1.4, "dead"),
        ({"cosine_document": 0.96}, 1.4, "cosine"),
        ({}, 2.553, "large: above 2"),
        ({"k": 2.0}, 2.553, ""),
        ({"logit_error": 0.22, "k": 2.0}, 1.4, "22% off"),
        ({"logit_error": 0.22, "mode": "folded"}, 1.4, ""),
        ({"score_mean": 787895.0, "bf16_step": 20.0, "score_sd": 60.0}, 1.4, "float32"),
        ({"score_mean": 787895.0, "bf16_step": 14.0, "score_sd": 60.0}, 1.4, ""),
    ],
)
def test_a_warning_names_value_and_threshold(change: dict[str, Any], norm: float, words: str) -> None:
    found = warnings_of(SOUND.model_copy(update=change), invented_norms(norm), temperature=2.0)
    assert len(found) == bool(words)
    assert words in "".join(found)


def test_the_log_names_what_a_rule_chose_outside_of_the_window() -> None:
    row = Tried(**{**dict(SOUND), "k": 4.0, "score_sd": 0.012, "mode": "folded", "bias": True}, warnings=())
    chosen = row.model_copy(update={"rule": "width"})
    assert list(chosen_outside([row, chosen, chosen.model_copy(update={"score_sd": 1.0})], 2.0)) == [
        "k = 4, folded, bias divided too, by rule width: scores spread by 0.006 over the temperature: outside of the "
        "0.0121 to 37.8 in which 2x128 models trained"
    ]
