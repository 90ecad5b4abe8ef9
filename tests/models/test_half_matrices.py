"""Matrices that are rounded as they are read, against a model that is loaded in float32 and rounded by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from rescalade.models.decoder_bias import give_bias
from rescalade.models.load import load_lm
from rescalade.models.lora import add_adapters
from rescalade.models.lora_settings import LoraSettings
from rescalade.rescaling.divide import apply
from rescalade.rescaling.multiplier import bake
from rescalade.rescaling.sidecar import FILE, Rescaled, load_rescaled
from rescalade.variants import Variant
from support.families import tiny_form
from support.stored_files import file_of

TARGETS = {"bert": ("query", "dense"), "modernbert": ("Wi",)}


@pytest.mark.parametrize("form", ["llama", "llama, tied", "qwen3", "bert", "modernbert"])
@pytest.mark.parametrize("biased", [False, True])
def test_it_is_the_model_that_was_loaded_whole(form: str, biased: bool, tmp_path: Path) -> None:
    """Matrices, vectors, buffers and adapters bit for bit, with the types of both; ties and class as before."""
    made = tiny_form(form)
    if biased:
        with torch.no_grad():
            give_bias(made).normal_()
    made.save_pretrained(tmp_path)
    whole, read = load_lm(tmp_path), load_lm(tmp_path, matrices="bf16")
    assert {p.dtype for p in read.parameters() if p.ndim > 1} == {torch.bfloat16}
    assert type(read) is type(whole)
    assert read.config.to_dict().keys() == whole.config.to_dict().keys()
    lora = LoraSettings(rank=3, targets=TARGETS.get(form, LoraSettings().targets), frozen_weights="bf16")
    for model in (whole, read):
        add_adapters(model, lora, seed=5)
    ours, theirs = ({**m.state_dict(), **dict(m.named_buffers())} for m in (read, whole))
    assert ours.keys() == theirs.keys()
    for name, tensor in theirs.items():
        assert ours[name].dtype == tensor.dtype and torch.equal(ours[name], tensor), name
    assert {p.dtype for n, p in read.named_parameters() if ".lora_" in n} == {torch.float32}
    assert [n for n, p in read.named_parameters() if p.requires_grad] == [
        n for n, p in whole.named_parameters() if p.requires_grad
    ]


def test_a_baked_multiplier_is_taken_out_of_float32(tmp_path: Path) -> None:
    """By 3, whose quotients are not exact, on a head without a norm, whose matrix holds the division."""
    made = tiny_form("ultrabert")
    apply(made, Variant.parse("k3-multiplier"))
    bake(made)
    made.save_pretrained(tmp_path)
    file_of(Rescaled).model_copy(update={"scale": 3.0, "mode": "multiplier", "bias": False}).write(tmp_path / FILE)
    lora = LoraSettings(targets=("q_proj",), frozen_weights="bf16")
    models = load_rescaled(tmp_path, "bf16"), load_rescaled(tmp_path)
    for model in models:
        add_adapters(model, lora, seed=5)
    ours, theirs = (model.state_dict() for model in models)
    assert all(torch.equal(ours[name], tensor) for name, tensor in theirs.items())
