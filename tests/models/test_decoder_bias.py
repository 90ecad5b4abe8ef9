"""A decoder bias where transformers builds none: it comes back from one file or several, or is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import PreTrainedModel

from rescalade.errors import UserError
from rescalade.models.decoder_bias import KEY, give_bias, has_given_bias
from rescalade.models.load import load_lm
from rescalade.models.locate import locate_head
from support.families import tiny_form

IDS = torch.arange(3, 33).reshape(2, 15)
WITHOUT = ("llama", "llama, tied", "qwen3", "gemma2", "ultrabert", "eurobert")


def logits(model: PreTrainedModel) -> Tensor:
    with torch.no_grad():
        found: Tensor = model(input_ids=IDS).logits
    return found


def biased(form: str) -> PreTrainedModel:
    model = tiny_form(form)
    with torch.no_grad():
        give_bias(model).copy_(torch.linspace(-2, 1, 60))
    return model


@pytest.mark.parametrize("form", WITHOUT)
def test_it_is_added_to_the_logits_and_comes_back_from_disk(form: str, tmp_path: Path) -> None:
    plain, model = tiny_form(form), biased(form)
    if form != "gemma2":  # whose soft cap bends the sum
        torch.testing.assert_close(logits(model), logits(plain) + torch.linspace(-2, 1, 60))
    model.save_pretrained(tmp_path)
    again = load_lm(tmp_path)
    assert torch.equal(logits(again), logits(model))
    head = locate_head(again)
    assert has_given_bias(again.config) and head.tied == locate_head(plain).tied
    assert head.bias is not None and head.bias.requires_grad


def test_it_comes_back_from_several_files(tmp_path: Path) -> None:
    model = biased("llama")
    model.save_pretrained(tmp_path, max_shard_size="8KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 2
    assert torch.equal(logits(load_lm(tmp_path)), logits(model))


def test_a_head_with_a_bias_keeps_its_own() -> None:
    model = tiny_form("bert")
    bias = locate_head(model).bias
    assert give_bias(model) is bias
    assert not has_given_bias(model.config)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"lm_head.bias": torch.zeros(59)}, "other shapes than its config.json says"),
        ({"lm_head.bias": None}, r"lacks 1 weights of the model \(lm_head.bias\)"),
        ({"lm_head.dense.bias": torch.zeros(16)}, r"1 weights of a head .*lm_head.dense.bias"),
    ],
)
def test_a_checkpoint_that_is_not_what_it_says_is_refused(
    changed: dict[str, Tensor | None], message: str, tmp_path: Path
) -> None:
    biased("llama").save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    tensors = {**load_file(path), **changed}
    save_file({key: value for key, value in tensors.items() if value is not None}, path, metadata={"format": "pt"})
    with pytest.raises(UserError, match=message):
        load_lm(tmp_path)


def test_a_bias_of_which_config_json_says_nothing_is_refused(tmp_path: Path) -> None:
    biased("llama").save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, KEY: False}))
    with pytest.raises(UserError, match=r"lm_head\.bias"):
        load_lm(tmp_path)
