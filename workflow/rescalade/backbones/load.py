"""Loads a masked language model and its tokenizer, and refuses one whose head did not come with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rescalade.errors import UserError

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def load_masked_lm(name: str | Path, revision: str | None = None) -> PreTrainedModel:
    """Load float32 weights from safetensors; code from a hub is never run.

    Raises:
        UserError: nothing loadable is there, or weights of the head are missing from the checkpoint
            (transformers would then start them at random).
    """
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForMaskedLM
    from transformers.utils import logging

    logging.disable_progress_bar()  # loading takes a second; the stages show their own progress
    try:
        model, report = AutoModelForMaskedLM.from_pretrained(
            str(name),
            revision=revision,
            use_safetensors=True,
            trust_remote_code=False,
            dtype=torch.float32,
            output_loading_info=True,
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(f"model {name}: cannot be loaded as a masked language model: {first}") from None
    missing = sorted(report["missing_keys"])
    if missing:
        raise UserError(
            f"model {name}: the checkpoint lacks {len(missing)} weights of the model ({', '.join(missing[:3])}…); "
            "they would start at random. Use a checkpoint saved with its masked-LM head"
        )
    loaded: PreTrainedModel = model.eval()
    return loaded


def load_tokenizer(name: str | Path, revision: str | None = None) -> PreTrainedTokenizerBase:
    """Load the tokenizer that belongs to a model.

    Raises:
        UserError: there is none, or it has no padding token.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            str(name), revision=revision, trust_remote_code=False
        )
    except (OSError, ValueError) as error:
        raise UserError(f"tokenizer of {name}: cannot be loaded: {str(error).strip().splitlines()[0]}") from None
    if tokenizer.pad_token_id is None:
        raise UserError(f"tokenizer of {name}: it has no padding token; set pad_token in tokenizer_config.json")
    return tokenizer


def check_vocabulary(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, name: str | Path) -> None:
    """Refuse a tokenizer that can produce numbers the model has no row for.

    Raises:
        UserError: the tokenizer has more entries than the model. Fewer is usual: heads are padded to a
            multiple of 64.
    """
    rows = int(model.get_output_embeddings().weight.shape[0])
    if len(tokenizer) > rows:
        raise UserError(
            f"model {name}: its head has {rows} rows, the tokenizer {len(tokenizer)} entries; "
            "they do not belong together"
        )


def check_lengths(model: PreTrainedModel, name: str | Path, **lengths: int) -> None:
    """Refuse texts longer than the model has positions for.

    Args:
        lengths: settings by name, in tokens.

    Raises:
        UserError: one of them is larger than the model's limit.
    """
    config = model.config
    limit = getattr(config, "max_position_embeddings", None)
    if limit is None:
        return
    if config.model_type in ("roberta", "xlm-roberta", "camembert", "mpnet"):  # positions are counted from padding + 1
        limit -= int(config.pad_token_id or 0) + 1
    for setting, length in lengths.items():
        if length > limit:
            raise UserError(
                f"{setting} {length}: model {name} has positions for {limit} tokens; set {setting} to it or less"
            )
