"""Reads a checkpoint's config.json; an architecture that transformers has under another name gets that name.

Alibaba's GTE checkpoints say `model_type: new` and point at code of their own (Alibaba-NLP/new-impl). transformers
implements the same network as `gte` and knows the old names of its weights, so nothing of that code has to be run. It
would not run well either: transformers 5 leaves buffers that a checkpoint does not hold uninitialised for foreign code.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rescalade.errors import UserError
from rescalade.models.families import OTHER_NAMES

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

EXPECTED = {
    "position_embedding_type": "rope",
    "layer_norm_type": "layer_norm",
    "logn_attention_scale": False,
    "pack_qkv": True,
}
"""What transformers' `gte` always does, by the keys of the old configuration; also that one's defaults."""
DEFAULTS: dict[str, Any] = {
    "vocab_size": 30528,
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.0,
    "max_position_embeddings": 2048,
    "type_vocab_size": 1,
    "initializer_range": 0.02,
    "layer_norm_eps": 1e-12,
    "pad_token_id": 0,
}
"""Keys that keep their name, with the old configuration's defaults: those of `gte` are a multilingual model's."""


def read_config(name: str | Path, revision: str | None = None) -> PreTrainedConfig:
    """The configuration of a model folder, or of an id on the hub.

    Raises:
        UserError: it is a GTE checkpoint with a variation that transformers does not have.
        OSError, ValueError: it is not there or not readable.
    """
    from transformers import AutoConfig, PreTrainedConfig

    raw, _ = PreTrainedConfig.get_config_dict(str(name), revision=revision)
    if raw.get("model_type") not in OTHER_NAMES:
        loaded: PreTrainedConfig = AutoConfig.from_pretrained(str(name), revision=revision, trust_remote_code=False)
        return loaded
    made: PreTrainedConfig = AutoConfig.for_model(OTHER_NAMES[raw["model_type"]], **native_gte(name, raw))
    return made


def native_gte(name: str | Path, raw: dict[str, Any]) -> dict[str, Any]:
    """The settings of a `new` configuration under their names in transformers' `gte`.

    Raises:
        UserError: a switch stands at something that `gte` cannot do.
    """
    for key, expected in EXPECTED.items():
        if raw.get(key, expected) != expected:
            raise UserError(
                f"model {name}: {key} is {raw[key]!r}, but transformers' GTE, which takes the place of the "
                f"checkpoint's own code, has {expected!r}. Use a checkpoint whose config.json says model_type gte"
            )
    settings = {key: raw.get(key, default) for key, default in DEFAULTS.items()}
    width = settings["hidden_size"] // settings["num_attention_heads"]
    return {**settings, "architectures": ["GteForMaskedLM"], "rope_parameters": _rotary(name, raw, width)}


def _rotary(name: str | Path, raw: dict[str, Any], width: int) -> dict[str, Any]:
    """Frequencies of the rotary positions, for a head of `width`.

    The fixed NTK scaling of the old code, 1 / (s b)^(2i/d) / s^(2/d) with base b and scale s, is transformers' linear
    scaling by s^(2/d) on the base s b.
    """
    base = float(raw.get("rope_theta", 10000.0))
    scaling = raw.get("rope_scaling")
    if scaling is None:
        return {"rope_type": "default", "rope_theta": base}
    kind, scale = scaling.get("type"), float(scaling.get("factor", 1.0))
    if kind != "ntk" or scaling.get("mixed_b") is not None:
        raise UserError(
            f"model {name}: rope_scaling is {scaling}; known here are none and {{type: ntk, factor}}. Use a "
            "checkpoint whose config.json says model_type gte"
        )
    return {"rope_type": "linear", "rope_theta": base * scale, "factor": scale ** (2 / width)}
