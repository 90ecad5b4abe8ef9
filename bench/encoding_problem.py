"""Seeded models, tokenizers and texts for benchmarks of encoding."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

TINY, BASE = (128, 2, 2, 512), (768, 12, 12, 3072)
ACTIVE = 73


def lengths_of(count: int, random: np.random.Generator) -> NDArray[np.float64]:
    """Tokens of texts: log-normal, 62 on average."""
    return np.clip(random.lognormal(3.93, 0.62, count), 4, 500)


def synthetic(folder: Path, shape: tuple[int, int, int, int] = TINY) -> list[str]:
    """Write a seeded BERT with ACTIVE of its V terms active and its tokenizer.

    Args:
        shape: width, layers, attention heads, width of the feed-forward layers.

    Returns:
        Words to make texts of.
    """
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertForMaskedLM, PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words = [f"w{number}" for number in range(30522 - len(special))]
    tokenizer = Tokenizer(models.WordLevel({w: n for n, w in enumerate([*special, *words])}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", sep_token="[SEP]")
    torch.manual_seed(0)
    width, layers, heads, inner = shape
    config = BertConfig(hidden_size=width, num_hidden_layers=layers, num_attention_heads=heads, intermediate_size=inner)
    model = BertForMaskedLM(config).eval()
    with torch.no_grad():
        logits = model(torch.randint(5, 30522, (16, 62))).logits.amax(1)
        model.cls.predictions.bias.fill_(-float(torch.quantile(logits[:, ::8], 1 - ACTIVE / 30522)))
    model.save_pretrained(folder)
    fast.save_pretrained(folder)
    random = np.random.default_rng(0)
    return [words[min(int(number), len(words) - 1)] for number in random.zipf(1.2, 2_000_000)]
