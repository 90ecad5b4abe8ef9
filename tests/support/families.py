"""A tiny random model of every head family, with weights, biases and norms nowhere at their defaults."""

from __future__ import annotations

import copy
import functools
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForMaskedLM, PreTrainedModel

from rescalade.models.families import FAMILIES

VOCABULARY = 60
_BASE: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 64,
}
_TOKENS = {"pad_token_id": 0, "bos_token_id": 1, "cls_token_id": 1, "eos_token_id": 2, "sep_token_id": 2}
_ENDS = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
_GROUPS = ("q", "k", "v", "post_attention", "intermediate", "output")
_DIFFERENT: dict[str, dict[str, Any]] = {
    "big_bird": {"attention_type": "original_full", **_ENDS},
    "mobilebert": {"embedding_size": 8, "intra_bottleneck_size": 8, "num_feedforward_networks": 1},
    "nystromformer": {"num_landmarks": 4, "segment_means_seq_len": 16},
    "roformer": {"embedding_size": 8},
    "squeezebert": {"embedding_size": 16, **{f"{group}_groups": 1 for group in _GROUPS}},
    "longformer": {"attention_window": [4, 4]},
    "xmod": {"languages": ["en_XX"], "default_language": "en_XX"},
    "electra": {"embedding_size": 8},
    "convbert": {"embedding_size": 8, "head_ratio": 1, "conv_kernel_size": 3},
    "albert": {"embedding_size": 8},
    "modernbert": _TOKENS,
    "modernbert-decoder": _TOKENS,
    "ultrabert": _TOKENS,
    "eurobert": _ENDS,
    "rembert": {"input_embedding_size": 8, "output_embedding_size": 12},
    "neomme": {"num_key_value_heads": 2, "head_dim": 16, "embedding_rank": 12, **_ENDS},
    **{kind: {"num_key_value_heads": 2, "head_dim": 8} for kind in ("qwen3", "gemma", "gemma2", "gemma3_text")},
    "qwen2": {"num_key_value_heads": 2},
}
FORMS: dict[str, dict[str, Any]] = {
    **{kind: {} for kind in FAMILIES},
    "deberta-v2, legacy: false": {"legacy": False},
    "eurobert, tied": {"tie_word_embeddings": True},
    "llama, tied": {"tie_word_embeddings": True},
    "gemma2, not capped": {"final_logit_softcapping": None},
}
"""Every family, and forms of it that differ in their head."""


def tiny_form(form: str) -> PreTrainedModel:
    """The tiny model of a form, always with the same weights."""
    return copy.deepcopy(_made(form))


@functools.cache
def _made(form: str) -> PreTrainedModel:
    kind = form.partition(",")[0]
    settings = {**_BASE, **_DIFFERENT.get(kind, {}), **FORMS[form]}
    if kind == "distilbert":
        settings = {"vocab_size": VOCABULARY, "dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 24}
    config = AutoConfig.for_model(kind, **settings)
    torch.manual_seed(0)
    maker = AutoModelForCausalLM if FAMILIES[kind].causal else AutoModelForMaskedLM
    model: PreTrainedModel = maker.from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return model.eval()
