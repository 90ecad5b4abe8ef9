"""Tiny random masked language models with biases and norms that are not trivial."""

from __future__ import annotations

import torch
from transformers import (
    AlbertConfig,
    AlbertForMaskedLM,
    BertConfig,
    BertForMaskedLM,
    DistilBertConfig,
    DistilBertForMaskedLM,
    ModernBertConfig,
    ModernBertForMaskedLM,
    PreTrainedModel,
    RobertaConfig,
    RobertaForMaskedLM,
)

VOCABULARY = 60
SMALL = {"vocab_size": VOCABULARY, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}


def tiny(kind: str, seed: int = 0) -> PreTrainedModel:
    """A model of a family, weights random and nowhere at their defaults."""
    torch.manual_seed(seed)
    model: PreTrainedModel
    if kind == "bert":
        model = BertForMaskedLM(BertConfig(**SMALL, intermediate_size=24))
    elif kind == "modernbert":
        model = ModernBertForMaskedLM(
            ModernBertConfig(
                **SMALL,
                intermediate_size=24,
                pad_token_id=0,
                bos_token_id=1,
                cls_token_id=1,
                eos_token_id=2,
                sep_token_id=2,
            )
        )
    elif kind == "roberta":
        model = RobertaForMaskedLM(RobertaConfig(**SMALL, intermediate_size=24))
    elif kind == "distilbert":
        model = DistilBertForMaskedLM(
            DistilBertConfig(vocab_size=VOCABULARY, dim=16, n_layers=2, n_heads=2, hidden_dim=24)
        )
    else:
        model = AlbertForMaskedLM(AlbertConfig(**SMALL, intermediate_size=24, embedding_size=8))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return model.eval()


KINDS = ("bert", "modernbert", "roberta", "distilbert", "albert")
