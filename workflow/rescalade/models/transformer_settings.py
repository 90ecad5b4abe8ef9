"""What sentence_bert_config.json of sentence-transformers 5 and 6 says of the module that makes the logits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rescalade.errors import UserError
from rescalade.models.families import FAMILIES, OTHER_NAMES
from rescalade.models.folder_files import own_json
from rescalade.models.locate import family_of
from rescalade.models.model_folder import positions, tokenizer_limit
from rescalade.models.splade_config import LONGEST
from rescalade.texts.text_settings import SpecialTokens

FILES = (
    "sentence_bert_config.json",
    "sentence_roberta_config.json",
    "sentence_distilbert_config.json",
    "sentence_camembert_config.json",
    "sentence_albert_config.json",
    "sentence_xlm-roberta_config.json",
    "sentence_xlnet_config.json",
)
"""Names of the file, of which sentence-transformers takes the first that is there."""

LIMIT = 10**9
"""Tokens beyond which a number is none."""
_OLD = {"model_args": "model_kwargs", "tokenizer_args": "processor_kwargs", "config_args": "config_kwargs"}
"""Keys by the names of version 5, with those of version 6."""
_KNOWN: dict[str, tuple[str, ...]] = {
    "": (
        "transformer_task", "modality_config", "module_output_name", "max_seq_length", "query_length",
        "document_length", "do_lower_case", "unpad_inputs", "backend", "processing_kwargs", *_OLD.values(),
    ),
    "model_kwargs": ("attn_implementation", "device_map", "dtype", "torch_dtype", "trust_remote_code"),
    "processor_kwargs": ("model_max_length", "padding_side", "trust_remote_code", "use_fast"),
    "config_kwargs": ("trust_remote_code",),
    "processing_kwargs": ("text", "common"),
    "processing_kwargs.text": (
        "add_special_tokens", "logits_to_keep", "max_length", "pad_to_multiple_of", "padding", "padding_side",
        "return_attention_mask", "return_token_type_ids", "truncation",
    ),
    "processing_kwargs.common": ("max_length", "padding", "return_tensors"),
}  # fmt: skip
"""Settings by the object that they stand in: those that are read here, and those that change no vector. Padding is
masked, and weights are float32 here whatever type is asked for."""


@dataclass(frozen=True)
class TransformerSettings:
    """How texts become token numbers, prompts apart.

    query_length, document_length: tokens at which they are cut, special ones included. special_tokens: those of the
    tokenizer's template, or none. lower_case: whether they are written in lower case first. causal: whether the model
    is a causal one.
    """

    query_length: int
    document_length: int
    special_tokens: SpecialTokens
    lower_case: bool
    causal: bool


def read_transformer(folder: Path, kind: str) -> TransformerSettings:
    """Read the settings of a module.

    Args:
        folder: of the module: config.json, weights and tokenizer are there too.
        kind: the name of its class, Transformer or MLMTransformer.

    Raises:
        UserError: it gives no logits of a vocabulary for plain texts, or has a setting that is not known here.
    """
    path = settings_file(folder)
    model_type = _model_type(folder)
    said = _known(path, "", {_OLD.get(key, key): value for key, value in own_json(path).items()})
    _check_logits(path, kind, model_type, said)
    loading = _known(path, "processor_kwargs", said.get("processor_kwargs"))
    for key in ("model_kwargs", "config_kwargs"):
        _known(path, key, said.get(key))
    calls = _known(path, "processing_kwargs", said.get("processing_kwargs"))
    text = {key: value for part in ("text", "common") for key, value in
            _known(path, f"processing_kwargs.{part}", calls.get(part)).items()}  # fmt: skip
    if text.get("truncation", True) not in (True, "longest_first"):
        raise UserError(f"{path}: truncation is {text['truncation']!r}; texts are cut at their end here, expected true")
    kept = text.get("logits_to_keep", 1)
    if FAMILIES[model_type].causal and kept != 0:
        raise UserError(
            f"{path}: processing_kwargs.text.logits_to_keep is {kept!r}, so that only the last tokens are pooled; "
            "expected 0, which is all of them"
        )
    limit = loading.get("model_max_length") or said.get("max_seq_length") or _own_limit(folder)
    lengths = [text.get("max_length") or said.get(f"{side}_length") or limit for side in ("query", "document")]
    for length in lengths:
        if isinstance(length, bool) or not isinstance(length, int) or not 0 < length < LIMIT:
            raise UserError(f"{path}: {length!r} is no usable length of texts; expected a number of tokens")
    if FAMILIES[model_type].absolute_after_padding:  # the numbers of such models often count what padding takes
        most = positions(own_json(folder / "config.json"))
        lengths = [min(length, most or length) for length in lengths]
    return TransformerSettings(
        query_length=lengths[0],
        document_length=lengths[1],
        special_tokens="own" if text.get("add_special_tokens", True) else "none",
        lower_case=bool(said.get("do_lower_case")),
        causal=FAMILIES[model_type].causal,
    )


def settings_file(folder: Path) -> Path:
    """The file with the settings of a module, which need not be there."""
    return next((folder / name for name in FILES if (folder / name).is_file()), folder / FILES[0])


def with_length(said: dict[str, Any], length: int) -> dict[str, Any]:
    """The settings of a module with texts cut at another length, wherever a length stands."""
    made = {**said, "max_seq_length": length}
    for side in ("query_length", "document_length"):
        if made.get(side) is not None:
            made[side] = length
    for key in ("processor_kwargs", "tokenizer_args"):
        if key in made:
            made[key] = {name: value for name, value in (made[key] or {}).items() if name != "model_max_length"}
    if made.get("processing_kwargs"):
        made["processing_kwargs"] = {
            part: {name: value for name, value in calls.items() if name != "max_length"}
            for part, calls in made["processing_kwargs"].items()
        }
    return made


def _check_logits(path: Path, kind: str, model_type: str, said: dict[str, Any]) -> None:
    """Refuse what gives no logits for each token of a plain text."""
    causal = FAMILIES[model_type].causal
    expected = "text-generation" if causal else "fill-mask"
    task = said.get("transformer_task", "fill-mask" if kind == "MLMTransformer" else "feature-extraction")
    if task != expected:
        raise UserError(
            f"{path}: transformer_task is {task!r}; the term weights of a {model_type} model come from {expected!r}"
        )
    modalities = _object(path, "modality_config", said.get("modality_config"))
    if "message" in modalities:
        raise UserError(
            f"{path}: texts go through the tokenizer's chat template (modality message), which is not supported; save "
            "the model with the modality text alone"
        )
    if modalities:
        text = _object(path, "modality_config.text", modalities.get("text"))
        if (text.get("method"), text.get("method_output_name")) not in (("forward", "logits"), ("forward", ["logits"])):
            raise UserError(f"{path}: modality_config.text is {text}; expected the logits of the method forward")
    usual = None if causal or modalities else "token_embeddings"
    if said.get("module_output_name", usual) != "token_embeddings":
        raise UserError(
            f"{path}: module_output_name is {said.get('module_output_name')!r}; SpladePooling pools token_embeddings"
        )


def _model_type(folder: Path) -> str:
    """The model type by transformers' name.

    Raises:
        UserError: there is no config.json, or the type is not known here.
    """
    if not (folder / "config.json").is_file():
        raise UserError(f"model {folder}: config.json is missing; expected a model folder saved by save_pretrained")
    found = str(own_json(folder / "config.json").get("model_type"))
    name = OTHER_NAMES.get(found, found)
    family_of(name)
    return name


def _own_limit(folder: Path) -> int:
    """Where texts are cut if nothing is said: by the tokenizer, but not beyond the model's positions."""
    limits = [
        limit for limit in (tokenizer_limit(folder), positions(own_json(folder / "config.json"))) if limit is not None
    ]
    return min(limits, default=LONGEST)


def _object(path: Path, key: str, value: Any) -> dict[str, Any]:
    if value is not None and not isinstance(value, dict):
        raise UserError(f"{path}: {key} is {value!r}; expected an object")
    return value or {}


def _known(path: Path, key: str, value: Any) -> dict[str, Any]:
    """The settings of an object, after refusing any that is not in _KNOWN."""
    said = {name: each for name, each in _object(path, key, value).items() if each is not None}
    strange = sorted(set(said) - set(_KNOWN[key]))
    if strange:
        name = f"{key}.{strange[0]}" if key else strange[0]
        raise UserError(
            f"{path}: the setting {name} is {said[strange[0]]!r}, which is not supported and may change vectors; "
            "leave it out if it does not"
        )
    return said
