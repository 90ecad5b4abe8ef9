"""A model in the folder layout that `SparseEncoder(path)` of sentence-transformers loads, if it can give its vectors.

A causal model is described to it in full, without code of its own: the task `text-generation` with the logits of every
position (its default is the last one's alone, which would go unnoticed), no special tokens, and the pooling module.
What it has no module for is refused with the reason, and the folder then lacks `modules.json`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rescalade.models.decoder_bias import has_given_bias
from rescalade.models.locate import locate_head
from rescalade.models.model_files import MODULES
from rescalade.models.splade_config import FILE, SpladeConfig
from rescalade.texts.tokenizer_state import unchanged

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase


def save_sparse_encoder(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, how: SpladeConfig, folder: Path
) -> str | None:
    """Write model and tokenizer, how the model encodes, and the small files of the format if they can say it.

    Returns:
        Why they cannot; None where they are written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    how.write(folder / FILE)
    return write_sparse_encoder_files(folder, model, tokenizer, how)


def write_sparse_encoder_files(
    folder: Path, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, how: SpladeConfig
) -> str | None:
    """Turn a folder with a saved model into one that SparseEncoder loads; arguments and result as above."""
    refusal = refused(model.config, tokenizer, how)
    if refusal is not None:
        return refusal
    head = locate_head(model)
    module, transformer = (_causal if head.family.causal else _masked)(how)
    prompts = {"query": how.query_prompt, "document": how.document_prompt}
    files: dict[str, Any] = {
        MODULES: [
            {"idx": 0, "name": "0", "path": "", "type": module},
            {"idx": 1, "name": "1", "path": "1_SpladePooling", "type": f"{_MODELS}.SpladePooling"},
        ],
        "sentence_bert_config.json": transformer,
        "config_sentence_transformers.json": {
            "model_type": "SparseEncoder",
            "similarity_fn_name": "dot",
            "prompts": prompts if any(prompts.values()) else {},
            "default_prompt_name": None,
            **({} if how.max_active_dims is None else {"max_active_dims": how.max_active_dims}),
        },
        "1_SpladePooling/config.json": {
            "pooling_strategy": how.pooling,
            "activation_function": how.activation,
            "word_embedding_dimension": len(head.weight),
        },
    }
    (folder / "1_SpladePooling").mkdir(exist_ok=True)
    for name, value in files.items():
        (folder / name).write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
    return None


_MODELS = "sentence_transformers.sparse_encoder.models"


def _masked(how: SpladeConfig) -> tuple[str, dict[str, Any]]:
    """The module that makes the logits, and its settings: by the names of sentence-transformers 5, which 6 still loads.

    It has one length for queries and documents: the documents' is written.
    """
    return f"{_MODELS}.MLMTransformer", {"max_seq_length": how.document_length, "do_lower_case": how.lower_case}


def _causal(how: SpladeConfig) -> tuple[str, dict[str, Any]]:
    """The same by the names of sentence-transformers 6, before which there was none for causal models."""
    return "sentence_transformers.base.modules.transformer.Transformer", {
        **of_causal(how),
        "query_length": how.query_length,
        "document_length": how.document_length,
        "max_seq_length": how.document_length,
        "do_lower_case": how.lower_case,
    }


def of_causal(how: SpladeConfig) -> dict[str, Any]:
    """Settings by which the stock Transformer gives the logits of every token of a causal model."""
    return {
        "transformer_task": "text-generation",
        "modality_config": {"text": {"method": "forward", "method_output_name": "logits"}},
        "module_output_name": "token_embeddings",
        "processing_kwargs": {"text": {"logits_to_keep": 0, "add_special_tokens": how.special_tokens != "none"}},
    }


def refused(config: PreTrainedConfig, tokenizer: PreTrainedTokenizerBase, how: SpladeConfig) -> str | None:
    """Why SparseEncoder cannot give a model's vectors; None where it can."""
    if has_given_bias(config):
        return (
            f"its head has a bias, the offset of each term, which transformers' {config.model_type} does not "
            "have and leaves out"
        )
    if how.reading == "echo":
        return "it reads a text twice and pools the second copy, for which sentence-transformers has no module"
    if not how.pool_prompt and (how.query_prompt or how.document_prompt):
        return "it leaves the tokens of its prompts out of the maximum, which sentence-transformers cannot"
    if not how.pool_special_tokens:
        return "it leaves special tokens out of the maximum, which sentence-transformers cannot"
    if how.special_tokens == "bos" and not _template_is_bos(tokenizer):
        return "it begins every text with BOS and adds nothing else, which its tokenizer does not do by itself"
    return None


def _template_is_bos(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether what the tokenizer adds to a text by itself is BOS in front and nothing else."""
    with unchanged(tokenizer):
        bare: list[int] = tokenizer("a", add_special_tokens=False)["input_ids"]
        added: list[int] = tokenizer("a")["input_ids"]
    return tokenizer.bos_token_id is not None and added == [tokenizer.bos_token_id, *bare]
