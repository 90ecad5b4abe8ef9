"""What the positions of a causal model see under each reading, and models that do not do as they are told."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from rescalade.errors import UserError
from rescalade.models.families import FAMILIES
from rescalade.models.load import load_lm
from rescalade.models.reading import check_reading, sees_ahead, set_reading
from rescalade.splade.model import SpladeModel
from support.families import tiny_form
from support.models import tiny

CAUSAL = sorted(kind for kind, family in FAMILIES.items() if family.causal)
IDS = torch.tensor([[5, 6, 7, 8, 9], [10, 11, 12, 0, 0]])
MASK = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])


def hidden(model: PreTrainedModel, mask: Tensor) -> Tensor:
    with torch.no_grad():
        return model.base_model(input_ids=IDS, attention_mask=mask).last_hidden_state


@pytest.mark.parametrize("kind", CAUSAL)
def test_causal_families_read_forwards_and_both_ways_when_told(kind: str) -> None:
    model = tiny_form(kind)
    check_reading(model, "causal", kind)
    assert not sees_ahead(model)
    set_reading(model, "bidirectional", kind)
    assert sees_ahead(model)


@pytest.mark.parametrize("kind", ["llama", "qwen2", "qwen3"])
def test_both_ways_is_a_mask_of_ones_over_real_tokens(kind: str, tmp_path: Path) -> None:
    """Against the same weights with a mask [B, 1, L, L] written out: 0 where the key is a real token."""
    forwards, both = tiny_form(kind), tiny_form(kind)
    set_reading(both, "bidirectional", kind)
    written = torch.where(MASK[:, None, None, :].bool(), 0.0, -1e9).expand(2, 1, 5, 5)
    expected, found = hidden(forwards, written), hidden(both, MASK)
    torch.testing.assert_close(found[MASK.bool()], expected[MASK.bool()], rtol=1e-5, atol=1e-5)
    assert not torch.allclose(found[:, 0], hidden(forwards, MASK)[:, 0], atol=1e-3)
    both.save_pretrained(tmp_path)
    again = load_lm(tmp_path)
    check_reading(again, "bidirectional", tmp_path)
    assert torch.equal(hidden(again, MASK), found)


def test_a_checkpoint_of_another_reading_is_refused() -> None:
    both = tiny_form("llama")
    set_reading(both, "bidirectional", "llama")
    with pytest.raises(UserError, match=r"its config\.json says bidirectional"):
        check_reading(both, "echo", "here")
    with pytest.raises(UserError, match=r"its config\.json says causal or echo"):
        check_reading(tiny_form("llama"), "bidirectional", "here")


def test_a_transformers_that_does_not_heed_the_flag_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    both = tiny_form("llama")
    both.config.is_causal = False
    monkeypatch.setattr("rescalade.models.reading.sees_ahead", lambda _: False)  # as below 5.2
    with pytest.raises(UserError, match="does not heed in this version of transformers"):
        check_reading(both, "bidirectional", "here")


def test_a_masked_model_has_one_reading() -> None:
    check_reading(tiny("bert"), "causal", "here")
    for reading in ("echo", "bidirectional"):
        with pytest.raises(UserError, match="reads both ways already"):
            set_reading(tiny("bert"), reading, "here")


@pytest.mark.parametrize("kind", ["llama", "qwen3", "gemma2"])
def test_term_weights_of_a_causal_model_are_those_of_its_logits(kind: str) -> None:
    """log(1 + relu(max over positions)), of the logits that transformers computes."""
    model = tiny_form(kind)
    with torch.no_grad():
        logits = model(input_ids=IDS, attention_mask=MASK).logits
    rows = [row[keep.bool()] for row, keep in zip(logits, MASK, strict=True)]
    expected = torch.stack([torch.log1p(torch.relu(row)).amax(0) for row in rows])
    splade = SpladeModel(model)
    with torch.no_grad():
        found = splade(IDS, MASK, MASK.bool())
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
