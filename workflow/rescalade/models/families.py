"""Head families: all that is known of each model type of transformers, in one row.

A model type that is not listed is refused, since a wrong guess trains a head that was never divided. Every row is
held to a tiny random model of its type by tests/models/test_families.py and tests/rescaling/test_head_families.py,
which also writes docs/heads.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal


@dataclass(frozen=True)
class Family:
    """The layout of one kind of head, and of the encoder below it as far as anybody asks.

    decoder: path of the Linear layer with W [V, D]. norm: path of the norm whose output it reads, None where there
    is none, or none with a weight. weights: how the names of the head's weights in a checkpoint begin; a bare `head`
    is left out, since classifiers call theirs so too. projection: `linear`, that layer is W; `split`, it is one part
    of it (`models.projection`). shared: path of a head that multiplies by the embedding itself, in those checkpoints
    that have it; W is the embedding then.

    causal: a causal language model, loaded with AutoModelForCausalLM. norm_offset: the norm multiplies by (1 + weight),
    as gemma's does. final_norm: that norm is the encoder's last layer, so dividing it divides `last_hidden_state` too.
    absolute_after_padding: positions are counted from the padding token's number, which costs so many of them.
    normed_embedding: the token embedding feeds straight into a norm, so dividing the shared matrix leaves the encoder
    as it was, up to the norm's epsilon. Elsewhere positions are added first, and tied division drowns the tokens.

    gated: the feed-forward block has three matrices, not two. shared_layers: all layers have the same weights.
    padding_counts: the padding beside a text changes its hidden states (whatever the mask says), or where it ends
    decides how they are computed; texts of a batch then stay together.
    names: keys of config.json that are not called as BERT's are, by BERT's.
    """

    decoder: str
    norm: str | None
    weights: tuple[str, ...]
    projection: Literal["linear", "split"] = "linear"
    shared: str | None = None
    causal: bool = False
    norm_offset: bool = False
    final_norm: bool = False
    absolute_after_padding: bool = False
    normed_embedding: bool = False
    gated: bool = False
    shared_layers: bool = False
    padding_counts: bool = False
    names: Mapping[str, str] = field(default_factory=dict)


_BERT = Family("cls.predictions.decoder", "cls.predictions.transform.LayerNorm", ("cls.predictions",))
_DEBERTA = replace(_BERT, weights=("cls.predictions", "lm_predictions"), shared="lm_predictions.lm_head")
_ROBERTA = Family("lm_head.decoder", "lm_head.layer_norm", ("lm_head",), absolute_after_padding=True)
_ELECTRA = Family(
    "generator_lm_head", "generator_predictions.LayerNorm", ("generator_lm_head", "generator_predictions")
)
_CAUSAL = Family("lm_head", "model.norm", ("lm_head",), causal=True, final_norm=True, gated=True)
_GEMMA = replace(_CAUSAL, norm_offset=True)

FAMILIES: dict[str, Family] = {
    **dict.fromkeys(
        (
            "bert",
            "ernie",
            "megatron-bert",
            "roformer",
            "squeezebert",
        ),
        _BERT,
    ),
    **dict.fromkeys(("big_bird", "fnet", "nystromformer"), replace(_BERT, padding_counts=True)),
    **dict.fromkeys(("deberta", "deberta-v2"), _DEBERTA),
    "mobilebert": replace(_BERT, projection="split", padding_counts=True),
    "nomic_bert": replace(_BERT, norm="cls.predictions.transform.layer_norm", gated=True),
    "rembert": replace(_BERT, norm="cls.predictions.LayerNorm"),
    **dict.fromkeys(
        (
            "camembert",
            "longformer",
            "mpnet",
            "roberta",
            "roberta-prelayernorm",
            "xlm-roberta",
            "xlm-roberta-xl",
            "xmod",
        ),
        _ROBERTA,
    ),
    "gte": replace(_ROBERTA, absolute_after_padding=False, gated=True),
    "jina_embeddings_v3": replace(_ROBERTA, absolute_after_padding=False),
    "distilbert": Family(
        "vocab_projector",
        "vocab_layer_norm",
        ("vocab_projector", "vocab_transform", "vocab_layer_norm"),
        names={
            "hidden_size": "dim",
            "num_hidden_layers": "n_layers",
            "num_attention_heads": "n_heads",
            "intermediate_size": "hidden_dim",
        },
    ),
    "electra": _ELECTRA,
    "convbert": replace(_ELECTRA, padding_counts=True),
    "albert": Family("predictions.decoder", "predictions.LayerNorm", ("predictions",), shared_layers=True),
    "modernbert": Family("decoder", "head.norm", ("decoder",), normed_embedding=True, gated=True),
    "modernbert-decoder": Family(
        "decoder", "lm_head.norm", ("decoder", "lm_head"), causal=True, normed_embedding=True, gated=True
    ),
    "eurobert": replace(_CAUSAL, causal=False),
    "ultrabert": Family("head.decoder", None, ("head.decoder",), gated=True),
    "neomme": Family("lm_head", None, ("lm_head", "unembedding_projection"), normed_embedding=True),
    **dict.fromkeys(("llama", "qwen2", "qwen3"), _CAUSAL),
    **dict.fromkeys(("gemma", "gemma2", "gemma3_text"), _GEMMA),
}
"""By `config.model_type`."""

OTHER_NAMES = {"new": "gte"}
"""Model types of checkpoints that transformers has under another name; `checkpoint_config` translates their keys."""
