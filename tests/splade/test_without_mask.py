"""Padding on the right of a model that reads forwards needs no attention mask; any other does."""

from __future__ import annotations

import pytest
import torch

from rescalade.models.families import FAMILIES
from rescalade.splade.model import SpladeModel
from support.families import tiny_form

CAUSAL = [kind for kind, family in FAMILIES.items() if family.causal]
IDS = torch.arange(5, 26).view(3, 7)
RIGHT = torch.tensor([[1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0]])


@pytest.mark.parametrize("kind", CAUSAL)
def test_hidden_states_are_those_with_the_mask(kind: str) -> None:
    model = SpladeModel(tiny_form(kind).eval())
    asked: list[object] = []
    model.masked_lm.register_forward_pre_hook(
        lambda _, __, named: asked.append(named["attention_mask"]), with_kwargs=True
    )
    holes = RIGHT.flip(1)
    with torch.inference_mode():
        for mask in (RIGHT, holes):
            found = model.decoder_inputs(IDS, mask)[mask.bool()]
            expected = model.masked_lm(input_ids=IDS, attention_mask=mask, use_cache=False).logits[mask.bool()]
            torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)  # sums of float32 in another order
    assert asked[0] is None and asked[2] is holes


@pytest.mark.parametrize(
    ("kind", "setting"), [("llama", {"is_causal": False}), ("gemma3_text", {"use_bidirectional_attention": True})]
)
def test_a_model_that_reads_both_ways_has_its_mask(kind: str, setting: dict[str, bool]) -> None:
    model = SpladeModel(tiny_form(kind))
    assert model._sees_no_padding(RIGHT)
    model.masked_lm.config.update(setting)
    assert not model._sees_no_padding(RIGHT) and not SpladeModel(tiny_form("bert"))._sees_no_padding(RIGHT)
