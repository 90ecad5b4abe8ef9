"""Head families: where each model type of transformers keeps its output projection and the norm before it.

A model type that is not listed is refused, since a wrong guess trains a head that was never divided. Every entry is
held to a tiny random model of its type by tests/rescaling/test_head_families.py, which also writes docs/heads.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Family:
    """The layout of one kind of head.

    decoder: path of the Linear layer with W [V, D]. norm: path of the norm whose output it reads, None where there
    is none, or none with a weight. causal: a causal language model, loaded with AutoModelForCausalLM.
    norm_offset: the norm multiplies by (1 + weight), as gemma's does. final_norm: that norm is the encoder's last
    layer, so dividing it divides `last_hidden_state` too. absolute_after_padding: positions are counted from the
    padding token's number, which costs so many of them.
    """

    decoder: str
    norm: str | None
    causal: bool = False
    norm_offset: bool = False
    final_norm: bool = False
    absolute_after_padding: bool = False


_BERT = Family("cls.predictions.decoder", "cls.predictions.transform.LayerNorm")
_ROBERTA = Family("lm_head.decoder", "lm_head.layer_norm", absolute_after_padding=True)
_ELECTRA = Family("generator_lm_head", "generator_predictions.LayerNorm")
_CAUSAL = Family("lm_head", "model.norm", causal=True, final_norm=True)
_GEMMA = replace(_CAUSAL, norm_offset=True)

FAMILIES: dict[str, Family] = {
    **dict.fromkeys(
        (
            "bert",
            "big_bird",
            "deberta",
            "deberta-v2",
            "ernie",
            "fnet",
            "megatron-bert",
            "mobilebert",
            "nystromformer",
            "roformer",
            "squeezebert",
        ),
        _BERT,
    ),
    "nomic_bert": replace(_BERT, norm="cls.predictions.transform.layer_norm"),
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
    **dict.fromkeys(("gte", "jina_embeddings_v3"), replace(_ROBERTA, absolute_after_padding=False)),
    "distilbert": Family("vocab_projector", "vocab_layer_norm"),
    **dict.fromkeys(("electra", "convbert"), _ELECTRA),
    "albert": Family("predictions.decoder", "predictions.LayerNorm"),
    "modernbert": Family("decoder", "head.norm"),
    "modernbert-decoder": Family("decoder", "lm_head.norm", causal=True),
    "eurobert": replace(_CAUSAL, causal=False),
    "ultrabert": Family("head.decoder", None),
    "neomme": Family("lm_head", None),
    **dict.fromkeys(("llama", "qwen2", "qwen3"), _CAUSAL),
    **dict.fromkeys(("gemma", "gemma2", "gemma3_text"), _GEMMA),
}
"""By `config.model_type`."""
