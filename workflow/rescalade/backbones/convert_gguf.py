"""A causal language model out of a GGUF file as an ordinary folder: float32 safetensors, config.json, fast tokenizer.

transformers reads the file: it makes numbers of its blocks, puts the rows of attention back into its own order and
builds the tokenizer. A model that came so is marked as quantised and refuses to be saved, so its weights move into a
fresh model of the same configuration without that mark. The folder is then loaded once more: same logits, bit for bit.

llama.cpp, whose format it is, keeps some of a model's arithmetic as tensors, such as Llama 3's stretched rotary
frequencies, and transformers passes over tensors it does not know. A file with a tensor to spare is therefore refused.
"""

from __future__ import annotations

import importlib.util
import io
from contextlib import redirect_stderr
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from rescalade.errors import UserError
from rescalade.models.families import FAMILIES
from rescalade.models.load import check_vocabulary, load_lm, load_tokenizer
from rescalade.models.refusals import check_head_keys, in_words

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

GGUF_NAMES = {"gemma3": "gemma3_text"}
"""Architectures of GGUF files that transformers has under another name, as far as their families are known here."""
ARCHITECTURES = sorted(
    {kind: None for kind, family in FAMILIES.items() if family.causal and kind not in GGUF_NAMES.values()} | GGUF_NAMES
)
INSIDE = ("blk.", "output", "token_embd.")
"""How the names of tensors begin that every model has."""
PROBE = 64
"""Token numbers whose logits are compared."""


def check_reader(title: str) -> None:
    """Refuse to fetch what could not be read.

    Raises:
        UserError: the package `gguf` is not installed.
    """
    if importlib.util.find_spec("gguf") is None:
        raise UserError(f"{title}: a GGUF file needs the package gguf; pip install 'rescalade[csplade]'")


def convert_gguf(path: Path, folder: Path, title: str, model_type: str | None = None) -> dict[str, str]:
    """Write the model of a GGUF file, and its tokenizer, into a folder.

    Args:
        path: the file.
        folder: an empty folder.
        title: what messages call it.
        model_type: transformers' name of the architecture that is expected, where one is.

    Returns:
        What the file says of itself under `general.`: name, organization, license, ...

    Raises:
        UserError: it is no GGUF file, of another or an unknown architecture, lacks or has too many weights, or the
            folder does not give the logits that the file gives.
    """
    from transformers.utils import logging

    said, tensors = _described(path, title)
    _check_architecture(said["architecture"], title, model_type)
    logging.disable_progress_bar()
    config, model, tokenizer = _loaded(path, title)
    outside = [name for name in tensors if not name.startswith(INSIDE)]
    if len(tensors) != (taken := sum(1 for _ in model.parameters())):  # a tied weight counts once in both
        raise UserError(
            f"{title}: the file has {len(tensors)} tensors, transformers' {config.model_type} takes {taken}; outside "
            f"its blocks stand {', '.join(outside)}. What the others do would be lost: use the model's safetensors"
        )
    plain = _without_mark(model, config)
    plain.save_pretrained(folder)
    _split_digits(tokenizer, said)
    tokenizer.save_pretrained(folder)
    again = load_lm(folder)
    check_vocabulary(again, load_tokenizer(folder), title)
    if not torch.equal(_logits(model), _logits(again)):
        raise UserError(f"{title}: the model loaded from {folder} does not give the logits of the file; do not use it")
    return {key: value for key, value in said.items() if "." not in key and key != "pre"}


def _described(path: Path, title: str) -> tuple[dict[str, str], list[str]]:
    """Texts under `general.`, with the tokenizer's `pre`; and the names of all tensors."""
    from gguf import GGUFReader

    try:
        reader = GGUFReader(path)
        said = {
            key.removeprefix("general.").removeprefix("tokenizer.ggml."): str(field.contents())
            for key, field in reader.fields.items()
            if (key.startswith("general.") or key == "tokenizer.ggml.pre") and isinstance(field.contents(), str)
        }
    except Exception as error:  # noqa: BLE001  # a damaged file can end in anything
        raise UserError(f"{title}: not a GGUF file that can be read: {in_words(error)}") from None
    return said, [str(tensor.name) for tensor in reader.tensors]


def _check_architecture(architecture: str, title: str, model_type: str | None) -> None:
    if architecture not in ARCHITECTURES:
        raise UserError(
            f"{title}: a GGUF file of architecture {architecture!r}; expected a causal language model of a head family "
            f"that is known here: {', '.join(ARCHITECTURES)}"
        )
    if model_type not in (None, GGUF_NAMES.get(architecture, architecture)):
        raise UserError(
            f"{title}: model_type {model_type!r} is said of it, but the GGUF file is of architecture {architecture!r}; "
            "correct the entry's model_type, or leave it out"
        )


def _loaded(path: Path, title: str) -> tuple[PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase]:
    """What transformers makes of the file, in float32."""
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    try:
        config: PreTrainedConfig = AutoConfig.from_pretrained(path.parent, gguf_file=path.name)
        with redirect_stderr(io.StringIO()):  # a bar that no setting of transformers turns off
            loaded: Any = AutoModelForCausalLM.from_pretrained(
                path.parent, gguf_file=path.name, config=config, dtype=torch.float32, output_loading_info=True
            )
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    except Exception as error:  # noqa: BLE001  # transformers looks for keys that a strange file lacks
        raise UserError(f"{title}: transformers cannot read it: {in_words(error)}") from None
    model, report = loaded
    check_head_keys(title, config, sorted(report["missing_keys"]), sorted(report["unexpected_keys"]))
    return config, model.eval(), tokenizer


def _without_mark(model: PreTrainedModel, config: PreTrainedConfig) -> PreTrainedModel:
    """The same weights in a model that does not say it is quantised."""
    from transformers import AutoModelForCausalLM

    values: dict[str, Any] = config.to_dict()
    for key in ("quantization_config", "_name_or_path", "_model_name_or_path"):
        values.pop(key, None)
    plain: PreTrainedModel = AutoModelForCausalLM.from_config(type(config).from_dict(values), dtype=torch.float32)
    plain.load_state_dict(model.state_dict())
    plain.eval()
    return plain


def _split_digits(tokenizer: PreTrainedTokenizerBase, said: dict[str, str]) -> None:
    """Split texts before `smollm` tokens are looked up as that tokenizer does: each digit alone.

    transformers does not know the kind by name and takes GPT-2's splitting, which joins the second of two spaces to a
    number.
    """
    from tokenizers import pre_tokenizers

    if said.get("pre") == "smollm":
        steps = [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps)


def _logits(model: PreTrainedModel) -> Tensor:
    """[1, P, V] of the first token numbers."""
    with torch.no_grad():
        found: Tensor = model(input_ids=torch.arange(min(PROBE, model.config.vocab_size)).unsqueeze(0)).logits
    return found
