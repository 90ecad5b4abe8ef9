"""GTE checkpoints of type `new` load as transformers' own GTE, without the code they point at."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from rescalade.backbones.vocabulary import as_transformers, train_wordpiece
from rescalade.errors import UserError
from rescalade.models.checkpoint_config import native_gte
from rescalade.models.load import load_lm, load_tokenizer
from support.families import tiny_form
from support.texts import TEXTS

OLD: dict[str, Any] = {
    "model_type": "new",
    "architectures": ["NewForMaskedLM"],
    "auto_map": {"AutoConfig": "owner/code--configuration.NewConfig", "AutoModel": "owner/code--modeling.NewModel"},
    "vocab_size": 60,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 64,
    "type_vocab_size": 1,
    "pad_token_id": 0,
    "position_embedding_type": "rope",
    "layer_norm_type": "layer_norm",
    "rope_theta": 160000.0,
    "rope_scaling": None,
    "pack_qkv": True,
    "logn_attention_scale": False,
    "torch_dtype": "float16",
}
OLD_NAMES = {
    "new.embeddings.word_embeddings.weight",
    "new.encoder.layer.0.attention.qkv_proj.weight",
    "new.encoder.layer.1.mlp.up_gate_proj.weight",
    "new.encoder.layer.1.mlp_ln.weight",
    "lm_head.norm.weight",
    "lm_head.decoder.bias",
}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A tiny GTE under the old names of weights and settings, as Alibaba-NLP's repositories have it."""
    tiny_form("gte").save_pretrained(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    renamed = {re.sub(r"^gte\.", "new.", name): weight for name, weight in weights.items()}
    save_file(renamed, tmp_path / "model.safetensors", {"format": "pt"})
    as_transformers(train_wordpiece(TEXTS, 60), 64).save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(OLD))
    return tmp_path


def test_weights_and_logits_are_those_of_the_model(old: Path) -> None:
    with safe_open(old / "model.safetensors", "pt") as stream:
        names = set(stream.keys())
    assert names >= OLD_NAMES, sorted(names)
    ids = torch.arange(12).unsqueeze(0)
    with torch.no_grad():
        loaded, made = load_lm(old), tiny_form("gte")
        assert torch.equal(loaded(input_ids=ids).logits, made(input_ids=ids).logits)
    assert (loaded.config.model_type, loaded.dtype) == ("gte", torch.float32)


def test_its_tokenizer_is_its_own(old: Path) -> None:
    """The type `gte` alone would mean another tokenizer, XLM-RoBERTa's."""
    expected = as_transformers(train_wordpiece(TEXTS, 60), 64)
    assert load_tokenizer(old)(TEXTS[0])["input_ids"] == expected(TEXTS[0])["input_ids"]


def test_saved_again_it_needs_nothing_of_this(old: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    load_lm(old).save_pretrained(again)
    config = json.loads((again / "config.json").read_text())
    assert config["model_type"] == "gte" and "auto_map" not in config
    assert torch.equal(load_lm(again).lm_head.decoder.weight, load_lm(old).lm_head.decoder.weight)


def test_fixed_ntk_scaling_keeps_its_frequencies(old: Path) -> None:
    """By the old code: base times factor, then all of it divided by factor^(2/d); here d = 8."""
    values = {**OLD, "rope_theta": 500000.0, "rope_scaling": {"type": "ntk", "factor": 2.0}}
    (old / "config.json").write_text(json.dumps(values))
    exponents = [0.0, 0.25, 0.5, 0.75]
    expected = torch.tensor([1 / 1e6**exponent / 2**0.25 for exponent in exponents])
    torch.testing.assert_close(load_lm(old).gte.rotary_emb.inv_freq, expected)
    plain = {**OLD, "rope_theta": 500000.0}
    (old / "config.json").write_text(json.dumps(plain))
    expected = torch.tensor([1 / 5e5**exponent for exponent in exponents])
    torch.testing.assert_close(load_lm(old).gte.rotary_emb.inv_freq, expected)


@pytest.mark.parametrize(
    "change",
    [
        {"logn_attention_scale": True},
        {"position_embedding_type": "absolute"},
        {"layer_norm_type": "rms_norm"},
        {"rope_scaling": {"type": "dynamic", "factor": 2.0}},
        {"rope_scaling": {"type": "ntk", "factor": 2.0, "mixed_b": 0.5}},
    ],
)
def test_what_gte_cannot_do_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=f"model here: {next(iter(change))} is .*model_type gte"):
        native_gte("here", {**OLD, **change})
