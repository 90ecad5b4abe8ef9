"""Every row of the table of head families against a tiny model of its type, in what transformers can be asked."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from transformers import PreTrainedModel

from rescalade.models.families import FAMILIES, OTHER_NAMES
from rescalade.models.locate import locate_head
from support.families import FORMS, tiny_form
from support.head_table import IDS

INNER, WIDTH = 24, 16
"""Of the tiny models."""


def family_of_form(form: str) -> str:
    return form.partition(",")[0]


def matrices(model: PreTrainedModel) -> float:
    """Matrices of INNER x WIDTH in the feed-forward blocks, convolutions of width 1 included, for each layer."""
    sizes = [
        parameter.numel()
        for name, parameter in model.named_parameters()
        if "att" not in name
        and parameter.dim() > 1
        and set(parameter.shape) - {1} in ({INNER, WIDTH}, {2 * INNER, WIDTH})
    ]
    return sum(sizes) / (INNER * WIDTH)


@pytest.mark.parametrize("kind", sorted(FAMILIES.keys() - {"mobilebert"}))  # whose blocks are narrower than its width
def test_gated_and_shared_layers_are_what_the_weights_show(kind: str) -> None:
    layers = 1 if FAMILIES[kind].shared_layers else 2
    assert matrices(tiny_form(kind)) == layers * (3 if FAMILIES[kind].gated else 2)


@pytest.mark.parametrize("form", FORMS)
def test_weights_outside_the_encoder_are_those_of_the_head(form: str) -> None:
    """`head.` alone is not looked for: classifiers have weights of that name."""
    model = tiny_form(form)
    outside = [name for name in model.state_dict() if not name.startswith(f"{model.base_model_prefix}.")]
    known = tuple(f"{name}." for name in FAMILIES[family_of_form(form)].weights)
    assert outside and all(name.startswith((*known, "head.")) for name in outside)


@pytest.mark.parametrize("kind", FAMILIES)
def test_keys_of_the_configuration_have_the_names_of_the_row(kind: str) -> None:
    written = tiny_form(kind).config.to_dict()
    keys = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
    names = FAMILIES[kind].names
    assert [written[names.get(key, key)] for key in keys] == [WIDTH, 2, 2, INNER]
    assert all(key not in written for key in names)


@pytest.mark.parametrize("form", FORMS)
def test_an_embedding_that_is_normed_at_once_can_be_divided_without_effect(form: str) -> None:
    model = tiny_form(form)
    encoder, embedding = model.base_model, model.get_input_embeddings()
    assert isinstance(embedding, nn.Embedding)
    with torch.no_grad():
        before = encoder(input_ids=IDS).last_hidden_state
        embedding.weight.div_(4)
        after = encoder(input_ids=IDS).last_hidden_state
    moved = float((after - before).norm() / before.norm())
    assert (moved < 0.01) == FAMILIES[family_of_form(form)].normed_embedding, moved


@pytest.mark.parametrize("form", FORMS)
def test_a_shared_projection_is_found_where_the_row_says(form: str) -> None:
    model, family = tiny_form(form), FAMILIES[family_of_form(form)]
    there = family.shared in dict(model.named_modules())
    assert there == ("legacy: false" in form)
    assert (locate_head(model).projection.parts[0] is model.get_input_embeddings().weight) or not there


@pytest.mark.parametrize("form", sorted(FORMS.keys() - {"big_bird", "nystromformer"}))  # which depends on the size
def test_padding_counts_where_the_row_says(form: str) -> None:
    model = tiny_form(form)
    ids = torch.full((1, 9), int(model.config.pad_token_id or 0))
    ids[:, :4] = torch.tensor([5, 6, 7, 8])
    mask = (torch.arange(9) < 4).long()[None]
    with torch.no_grad():
        alone = model(input_ids=ids[:, :4], attention_mask=mask[:, :4]).logits[0]
        beside = model(input_ids=ids, attention_mask=mask).logits[0, :4]
    same = bool(((alone - beside).norm() <= 1e-5 * alone.norm()).item())
    assert same != FAMILIES[family_of_form(form)].padding_counts


def test_other_names_lead_to_rows() -> None:
    assert not set(OTHER_NAMES) & set(FAMILIES)
    assert set(OTHER_NAMES.values()) <= set(FAMILIES)
