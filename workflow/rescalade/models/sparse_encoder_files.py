"""A trained model in the folder layout that `SparseEncoder(path)` of sentence-transformers loads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rescalade.models.splade_config import FILE, SpladeConfig

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def save_sparse_encoder(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, how: SpladeConfig, folder: Path
) -> None:
    """Write model, tokenizer, the three small files of the format, and how the model encodes.

    The module names are those of sentence-transformers 5, which 6 still loads. SparseEncoder has one
    length for queries and documents: the documents' is written. It pools every real token, special ones
    included: with `pool_special_tokens: false` its vectors differ, and `rescalade encode` must be used, which
    reads splade.json.
    """
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    if how.special_tokens == "own":  # a masked language model
        write_sparse_encoder_files(folder, how.document_length, int(model.config.vocab_size))
    how.write(folder / FILE)


def write_sparse_encoder_files(folder: Path, length: int, vocabulary: int) -> None:
    """Turn a folder with a saved masked language model into one that SparseEncoder loads.

    Args:
        length: tokens to which SparseEncoder cuts texts.
        vocabulary: V, the dimension of its vectors.
    """
    modules = "sentence_transformers.sparse_encoder.models"
    files: dict[str, Any] = {
        "modules.json": [
            {"idx": 0, "name": "0", "path": "", "type": f"{modules}.MLMTransformer"},
            {"idx": 1, "name": "1", "path": "1_SpladePooling", "type": f"{modules}.SpladePooling"},
        ],
        "sentence_bert_config.json": {"max_seq_length": length, "do_lower_case": False},
        "config_sentence_transformers.json": {
            "model_type": "SparseEncoder",
            "similarity_fn_name": "dot",
            "prompts": {},
            "default_prompt_name": None,
        },
        "1_SpladePooling/config.json": {
            "pooling_strategy": "max",
            "activation_function": "relu",
            "word_embedding_dimension": vocabulary,
        },
    }
    (folder / "1_SpladePooling").mkdir(exist_ok=True)
    for name, value in files.items():
        (folder / name).write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
