"""Loads a language model and its tokenizer, and refuses one whose head did not come with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rescalade.errors import UserError
from rescalade.models.checkpoint_config import read_config
from rescalade.models.decoder_bias import class_with_bias, has_given_bias, plain_class
from rescalade.models.families import FAMILIES
from rescalade.models.folder_files import check_files
from rescalade.models.half_matrices import with_vectors_in_float32
from rescalade.models.hushed import hushed
from rescalade.models.locate import family_of, locate_head
from rescalade.models.model_files import lacking_tokenizer
from rescalade.models.refusals import cannot_load, check_head_keys, check_no_adapter, check_no_classifier, in_words
from rescalade.models.room import check_model_room
from rescalade.models.splade_config import SpladeConfig

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def load_lm(
    name: str | Path,
    revision: str | None = None,
    *,
    matrices: Literal["fp32", "bf16"] = "fp32",
    device: str = "cpu",
    copies: int = 1,
) -> PreTrainedModel:
    """Load a masked or causal language model of a known head family from safetensors, into main memory.

    Whatever type its config.json names, the weights are float32: training in bf16 is a matter of autocast. A model
    whose matrices stay as they are may have these in bf16: each is rounded as it is read, so that they never lie there
    whole in float32; vectors, such as norms and biases, are float32 still.

    Args:
        matrices: type of the weights of two dimensions and more.
        device: where the model goes next; that it has room there is checked as well.
        copies: of the weights, gradients among them, that the caller is going to hold at once.

    Raises:
        UserError: nothing loadable is there, its weights are pickled or need code of their own, its head family is
            unknown, or weights of the head are missing from the checkpoint (transformers would then start them at
            random) or lie in it unused; machine or device have no room for it.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoModelForMaskedLM

    import rescalade.models.without_torchao  # noqa: F401  before a model class is asked for

    check_files(name)
    check_no_adapter(name)  # with peft installed transformers would fetch the other model by itself
    half = matrices == "bf16"
    try:
        config = read_config(name, revision)
        check_no_classifier(name, config)
        check_model_room(name, revision, matrix=2 if half else 4, device=device, copies=copies)
        loader: Any = AutoModelForCausalLM if family_of(str(config.model_type)).causal else AutoModelForMaskedLM
        if has_given_bias(config):
            loader = class_with_bias(config)
        if half:
            loader = with_vectors_in_float32(loader, config)
        with hushed():
            model, report = loader.from_pretrained(
                str(name),
                config=config,
                revision=revision,
                use_safetensors=True,
                trust_remote_code=False,
                dtype=torch.bfloat16 if half else torch.float32,
                output_loading_info=True,
            )
    except UserError:
        raise
    except Exception as error:  # noqa: BLE001  # a broken config.json can end in anything
        raise cannot_load(name, error) from None
    check_head_keys(name, config, sorted(report["missing_keys"]), sorted(report["unexpected_keys"]))
    if half and any(parameter.dtype != torch.float32 for parameter in model.parameters() if parameter.ndim < 2):
        raise UserError(f"model {name}: this version of transformers rounds its norms too; set frozen_weights to fp32")
    for _ in range(has_given_bias(config) + half):
        plain_class(model)
    loaded: PreTrainedModel = model.eval()
    return loaded


def load_tokenizer(
    name: str | Path, revision: str | None = None, *, with_model: bool = True
) -> PreTrainedTokenizerBase:
    """Load the tokenizer that belongs to a model.

    Args:
        with_model: whether config.json beside it is a model's, which can say what the tokenizer's files do not.

    Raises:
        UserError: there is none, it has no words, or it has no padding token.
    """
    from transformers import AutoTokenizer

    check_files(name)
    check_no_adapter(name)
    check_has_tokenizer(name)
    try:
        config = read_config(name, revision) if with_model else None
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            str(name), config=config, revision=revision, trust_remote_code=False
        )
    except UserError:
        raise
    except Exception as error:  # noqa: BLE001  # a broken tokenizer.json can end in anything
        raise UserError(f"tokenizer of {name}: cannot be loaded: {in_words(error)}; {_NO_TOKENIZER}") from None
    if set(tokenizer.get_vocab()) <= {*tokenizer.all_special_tokens, *tokenizer.get_added_vocab()}:
        raise UserError(f"tokenizer of {name}: it has special tokens only and no words; {_NO_TOKENIZER}")
    if tokenizer.pad_token_id is None and tokenizer.eos_token is not None:
        tokenizer.pad_token = tokenizer.eos_token  # usual for causal models; the attention mask hides padding anyway
    if tokenizer.pad_token_id is None:
        raise UserError(f"tokenizer of {name}: it has no padding token; set pad_token in tokenizer_config.json")
    return tokenizer


_NO_TOKENIZER = "copy the tokenizer's files (tokenizer.json, or the vocabulary) from where the model came from"


def check_has_tokenizer(name: str | Path) -> None:
    """Refuse a folder without a vocabulary, for which transformers 5 makes up a tokenizer that knows no word.

    Raises:
        UserError: it is a folder and no file of it holds a vocabulary.
    """
    folder = Path(name)
    lacking = lacking_tokenizer(folder) if folder.is_dir() else None
    if lacking is not None:
        raise UserError(f"model {name}: {lacking}; {_NO_TOKENIZER}")


def check_vocabulary(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, name: str | Path) -> None:
    """Refuse a tokenizer that can produce numbers the model has no row for.

    Raises:
        UserError: the tokenizer has a number beyond the rows of the head or of the embedding. Fewer is usual: heads are
            padded to a multiple of 64.
    """
    rows = int(locate_head(model).weight.shape[0])
    embedding = getattr(model.get_input_embeddings(), "weight", None)
    check_numbers(tokenizer, rows if embedding is None else min(rows, len(embedding)), name)


def check_numbers(tokenizer: PreTrainedTokenizerBase, rows: int, name: str | Path) -> None:
    """Refuse a tokenizer with a number beyond a model's rows, whatever the count of its entries.

    Raises:
        UserError: there is one.
    """
    entries = tokenizer.get_vocab()
    token = max(entries, key=entries.__getitem__)
    if entries[token] >= rows:
        raise UserError(
            f"model {name}: it has {rows} rows, its tokenizer {len(entries)} entries, of which {token!r} has the "
            f"number {entries[token]}; they do not belong together"
        )


def check_finite(model: PreTrainedModel, name: str | Path) -> None:
    """Refuse a model that is broken before anything is done with it.

    Raises:
        UserError: some of its weights are NaN or infinite.
    """
    broken = sum(int((~parameter.isfinite()).sum()) for parameter in model.parameters())
    if broken:
        raise UserError(
            f"model {name}: {broken} of its weights are not finite; it is broken, copy it again from where it came from"
        )


def longest_text(model: PreTrainedModel) -> int | None:
    """Tokens that a model has positions for, special tokens included; None where it does not say."""
    config = model.config
    limit = getattr(config, "max_position_embeddings", None)
    if limit is None:
        return None
    family = FAMILIES.get(str(config.model_type))
    if family is not None and family.absolute_after_padding:
        limit -= int(config.pad_token_id or 0) + 1
    return int(limit)


def check_lengths(model: PreTrainedModel, name: str | Path, how: SpladeConfig) -> None:
    """Refuse texts longer than the model has positions for; a text that is echoed takes twice as many.

    Raises:
        UserError: one of the lengths is larger than the model's limit.
    """
    limit = longest_text(model)
    if limit is None:
        return
    copies = 2 if how.reading == "echo" else 1
    lengths = {"query_length": how.query_length, "document_length": how.document_length}
    if how.query_side == "table":  # which has no positions
        del lengths["query_length"]
    for setting, length in lengths.items():
        if copies * length > limit:
            twice = " for both copies of an echoed text" if copies == 2 else ""
            raise UserError(
                f"{setting} {length}: model {name} has positions for {limit} tokens{twice}; "
                f"set {setting} to {limit // copies} or less"
            )
