"""Small BERT, ModernBERT and Llama models, built from transformers' own classes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from rescalade.backbones.settings import PretrainSettings
from rescalade.models.locate import locate_head

if TYPE_CHECKING:
    from transformers import PreTrainedModel

MAX_POSITIONS = 512
"""Longest text of a pretrained model, in tokens."""


def build_model(settings: PretrainSettings, vocabulary: int) -> PreTrainedModel:
    """A freshly initialised language model with a tied head.

    Dropout is 0: the models see each text a few times at most, and regularisation would only slow them.
    """
    from transformers import (
        BertConfig,
        BertForMaskedLM,
        LlamaConfig,
        LlamaForCausalLM,
        ModernBertConfig,
        ModernBertForMaskedLM,
    )

    shape: dict[str, Any] = {
        "vocab_size": vocabulary,
        "hidden_size": settings.width,
        "num_hidden_layers": settings.layers,
        "num_attention_heads": settings.heads,
        "intermediate_size": settings.feed_forward,
        "max_position_embeddings": MAX_POSITIONS,
        "pad_token_id": 0,
        "tie_word_embeddings": True,
    }
    if settings.family == "bert":
        return BertForMaskedLM(BertConfig(**shape, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0))
    if settings.causal:
        return LlamaForCausalLM(LlamaConfig(**shape, bos_token_id=2, eos_token_id=3))
    special: dict[str, Any] = {"cls_token_id": 2, "bos_token_id": 2, "sep_token_id": 3, "eos_token_id": 3}
    layers = ["full_attention"] * settings.layers
    return ModernBertForMaskedLM(ModernBertConfig(**shape, **special, layer_types=layers))


def initialise_head(model: PreTrainedModel, settings: PretrainSettings, counts: NDArray[np.int64]) -> None:
    """Set the scale of the shared matrix and, where asked, the bias to log unigram frequencies.

    Args:
        counts: [V] occurrences of each vocabulary item in the pretraining text. The frequency used is
            (count + 1) / (sum + V), so an unseen item has a finite bias.
    """
    head = locate_head(model)
    with torch.no_grad():
        deviation = float(head.weight.std())
        head.weight.mul_(settings.embedding_std / deviation)
        if settings.unigram_bias and head.bias is not None:
            total = math.log(float(counts.sum()) + len(counts))
            head.bias.copy_(torch.from_numpy(np.log(counts + 1.0) - total))
        if head.bias is not None:
            head.bias.add_(settings.bias_offset)
        if settings.identity_head:
            # the [D, D] layer between the encoder and the norm before the decoder, which stands beside that norm
            beside = str(head.family.norm).rpartition(".")[0]
            cast(nn.Linear, model.get_submodule(f"{beside}.dense")).weight.copy_(torch.eye(settings.width))
