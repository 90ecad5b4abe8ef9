"""Rescaling: what is exact is bit-exact, what is not is shown, and both survive saving."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForMaskedLM, PreTrainedModel

from rescalade.errors import UserError
from rescalade.models.locate import locate_head
from rescalade.rescaling.divide import apply
from rescalade.variants import BY_NAME, BY_RECIPE, WILDCARD, Variant
from support.models import KINDS, VOCABULARY, tiny

IDS = torch.arange(3, 33).reshape(2, 15)


def logits(model: PreTrainedModel) -> Tensor:
    with torch.no_grad():
        found: Tensor = model(input_ids=IDS).logits
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_untied_with_bias_is_exactly_z_over_k(kind: str, tmp_path: Path) -> None:
    model = tiny(kind)
    expected = logits(model) / 16  # a power of two: the division commutes with every rounding
    embedding = model.get_input_embeddings().weight.detach().clone()
    apply(model, Variant(16, "untied", bias=True))
    assert torch.equal(logits(model), expected)
    assert torch.equal(model.get_input_embeddings().weight, embedding)
    model.save_pretrained(tmp_path)
    again = AutoModelForMaskedLM.from_pretrained(tmp_path)
    again.tie_weights()
    assert torch.equal(logits(again), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_untied_without_bias_leaves_the_bias(kind: str) -> None:
    model = tiny(kind)
    bias = locate_head(model).bias
    assert bias is not None
    before, z = bias.detach().clone(), logits(model)
    apply(model, Variant(4, "untied"))
    after = locate_head(model).bias
    assert after is not None and torch.equal(after, before)
    torch.testing.assert_close(logits(model), (z - before) / 4 + before)


@pytest.mark.parametrize("kind", KINDS)
def test_tied_divides_the_shared_matrix_and_keeps_the_tie(kind: str, tmp_path: Path) -> None:
    model = tiny(kind)
    before = locate_head(model).weight.detach().clone()
    apply(model, Variant(8))
    head = locate_head(model)
    assert head.tied
    assert torch.equal(head.weight, before / 8)
    found = logits(model)
    model.save_pretrained(tmp_path)
    assert torch.equal(logits(AutoModelForMaskedLM.from_pretrained(tmp_path)), found)


def test_tied_is_nearly_exact_on_modernbert_and_far_off_on_bert() -> None:
    errors = {}
    for kind in ("modernbert", "bert"):
        model = tiny(kind)
        z = logits(model)
        apply(model, Variant(16, "tied", bias=True))
        errors[kind] = float((logits(model) - z / 16).norm() / (z / 16).norm())
    assert errors["modernbert"] < 0.02 < 0.1 < errors["bert"]


def test_the_untied_decoder_trains_and_the_dead_bias_does_not() -> None:
    model = tiny("roberta")
    apply(model, Variant(4, "untied"))
    model(input_ids=IDS).logits.sum().backward()
    for name, parameter in model.named_parameters():
        if parameter.requires_grad and "pooler" not in name:
            assert parameter.grad is not None, name
    head = locate_head(model)
    assert head.bias is not None and head.bias.grad is not None
    assert not torch.equal(head.weight, torch.zeros(VOCABULARY, 16))


@pytest.mark.parametrize("scale", [0.0, -2.0, float("nan"), float("inf")])
def test_a_scale_that_is_no_scale_is_refused(scale: float) -> None:
    with pytest.raises(UserError, match="finite number above 0"):
        Variant(scale)


@pytest.mark.parametrize(
    ("name", "variant"),
    [
        ("k1", Variant(1)),
        ("k16", Variant(16)),
        ("k0.5", Variant(0.5)),
        ("k4-untied", Variant(4, "untied")),
        ("k4-untied-bias", Variant(4, "untied", True)),
        ("k2-bias", Variant(2, "tied", True)),
        ("k16-folded", Variant(16, "folded")),
        ("k16-multiplier-bias", Variant(16, "multiplier", True)),
        ("kauto-loss", Variant.automatic("loss")),
        ("kauto-norm-untied-bias", Variant.automatic("norm", "untied", True)),
        ("k1-echo", Variant(1, reading="echo")),
        ("k4-offset2-adapted-bi", Variant(4, offset=2, adapted=True, reading="bidirectional")),
        ("k4-untied-bias-offset0.5", Variant(4, "untied", True, offset=0.5)),
    ],
)
def test_names_of_variants(name: str, variant: Variant) -> None:
    assert variant.name == name
    assert Variant.parse(name) == variant


@pytest.mark.parametrize(
    "name",
    [
        "",
        "4",
        "k",
        "k-4",
        "k4-halved",
        "kauto",
        "kauto-luck",
        "k4-tied",
        "k4-bias-untied",
        "K4",
        "k4-echo-adapted",
        "k4-causal",
    ],
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(UserError):
        Variant.parse(name)


@pytest.mark.parametrize(
    ("name", "by_recipe"),
    [
        ("k1", False),
        ("k4-untied-bias-echo", False),
        ("k1-adapted", True),
        ("k2-offset1-bi", True),
        ("kauto-loss", True),
    ],
)
def test_the_rules_of_the_graph_share_the_names_out(name: str, by_recipe: bool) -> None:
    assert Variant.parse(name).by_recipe is by_recipe
    assert (re.fullmatch(BY_NAME, name) is None, re.fullmatch(BY_RECIPE, name) is None) == (by_recipe, not by_recipe)
    assert re.fullmatch(WILDCARD, name)


@pytest.mark.parametrize("changes", [{"offset": -1.0}, {"offset": float("nan")}, {"reading": "backwards"}])
def test_a_preparation_that_is_none_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(UserError):
        Variant(1, **changes)


def test_an_unknown_family_is_refused_by_name() -> None:
    model = tiny("bert")
    model.config.model_type = "mystery"
    with pytest.raises(UserError, match="mystery"):
        locate_head(model)


def test_a_chosen_k_keeps_the_name_and_sorts_by_its_value() -> None:
    chosen = Variant.automatic("loss", "folded").chosen(8)
    assert (chosen.name, chosen.scale, chosen.unchosen) == ("kauto-loss-folded", 8, False)
    assert sorted([Variant(16, "folded"), chosen, Variant(8, "folded")])[1] == chosen


def test_a_scale_that_was_never_chosen_divides_nothing() -> None:
    model = tiny("bert")
    before = logits(model)
    with pytest.raises(UserError, match="has not been chosen"):
        apply(model, Variant.automatic("loss"))
    assert torch.equal(logits(model), before)
