"""One query from its text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rescalade.vectors.vectors import SparseVectors

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

NAME = "query"


def encode_question(
    model_folder: Path, text: str, length: int, pool_special_tokens: bool
) -> tuple[SparseVectors, PreTrainedTokenizerBase]:
    """The query's vector by a model folder, on the CPU, and the tokenizer that names its terms.

    Args:
        length: tokens, special ones included; the text is cut there.
        pool_special_tokens: as the documents were encoded.
    """
    import torch

    from rescalade.models.load import check_lengths, load_masked_lm, load_tokenizer
    from rescalade.splade.model import SpladeModel
    from rescalade.texts.token_batch import pad, tokenise

    masked_lm, tokenizer = load_masked_lm(model_folder), load_tokenizer(model_folder)
    check_lengths(masked_lm, model_folder, query_length=length)
    model = SpladeModel(masked_lm).eval()
    batch = pad(tokenizer, tokenise(tokenizer, [text], length), pool_special_tokens).to(torch.device("cpu"))
    with torch.inference_mode():
        weights = model(batch.input_ids, batch.attention_mask, batch.pooled)[0].float().numpy()
    terms = np.flatnonzero(weights)
    offsets = np.array([0, len(terms)], np.int64)
    return SparseVectors([NAME], offsets, terms.astype(np.int32), weights[terms].astype(np.float32)), tokenizer
