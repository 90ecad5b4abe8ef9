"""Why a checkpoint cannot be used, in one line with the remedy."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rescalade.errors import UserError
from rescalade.models.families import FAMILIES
from rescalade.models.folder_files import own_json

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

_HEAD_KEY = re.compile(
    rf"(^|\.)({'|'.join(sorted({re.escape(name) for family in FAMILIES.values() for name in family.weights}))})\."
)
"""Names of weights that belong to a language-model head, whatever the family."""


def check_no_adapter(name: str | Path) -> None:
    """Refuse a folder with an adapter alone, which is no model without the one that it was trained for.

    Raises:
        UserError: there is adapter_config.json and no config.json.
    """
    folder = Path(name)
    if (folder / "adapter_config.json").is_file() and not (folder / "config.json").is_file():
        base = own_json(folder / "adapter_config.json").get("base_model_name_or_path")
        raise UserError(
            f"model {name}: it holds an adapter of {base or 'another model'} and not the model itself; merge them once "
            "(peft's PeftModel.from_pretrained, merge_and_unload, save_pretrained) and use the merged folder"
        )


def cannot_load(name: str | Path, error: Exception) -> UserError:
    """A loading error of transformers, safetensors or huggingface_hub as one of ours."""
    words = " ".join(str(error).split())
    if "custom code" in words or "trust_remote_code" in words:
        return UserError(
            f"model {name}: it comes with code of its own, which is never run here. Use a model type that transformers "
            "itself implements"
        )
    folder = Path(name)
    pickled = any(folder.glob("pytorch_model*.bin")) and not any(folder.glob("*.safetensors"))
    if "ignore_mismatched_sizes" in words or "size mismatch" in words:
        return UserError(
            f"model {name}: weights of the checkpoint have other shapes than its config.json says; the two do "
            "not belong together"
        )
    if pickled or ("safetensors" in words and "no file named" in words):
        return UserError(
            f"model {name}: it has no safetensors weights{' (only pickled ones)' if pickled else ''}; pickled weights "
            "can run code and are not loaded. Convert it once with save_pretrained, or use a revision with safetensors"
        )
    if type(error).__name__ == "SafetensorError":  # which names no file, and says what its header lacks
        return UserError(
            f"model {name}: its weights are damaged or did not arrive whole ({words}); copy the *.safetensors "
            "files again from where the model came from"
        )
    return UserError(f"model {name}: cannot be loaded as a language model: {in_words(error)}")


def check_no_classifier(name: str | Path, config: PreTrainedConfig) -> None:
    """Refuse a checkpoint that was saved as a classifier, such as a cross-encoder, by that name.

    Raises:
        UserError: its config.json says so.
    """
    for architecture in config.architectures or ():
        if architecture.endswith("ForSequenceClassification"):
            raise UserError(
                f"model {name}: it is a cross-encoder or another classifier ({architecture}), which predicts no terms. "
                "Use a checkpoint saved with its language-model head"
            )


def in_words(error: Exception) -> str:
    """The first line of an exception; with its type where the line alone says nothing."""
    lines = str(error).strip().splitlines()
    expected = isinstance(error, (OSError, ValueError, RuntimeError))
    return lines[0] if lines and expected else f"{type(error).__name__} {lines[0] if lines else ''}".strip()


def check_head_keys(
    name: str | Path, config: PreTrainedConfig, missing: Sequence[str], unexpected: Sequence[str]
) -> None:
    """Refuse a checkpoint whose head is not the head that transformers built.

    Raises:
        UserError: weights are missing, or weights of another head lie in the checkpoint unused.
    """
    strange = [key for key in unexpected if _HEAD_KEY.search(key)]
    if missing:
        raise UserError(
            f"model {name}: the checkpoint lacks {len(missing)} weights of the model ({_some(missing)}); they would "
            f"start at random. {_remedy(config, missing, unexpected)}"
        )
    if strange:
        raise UserError(
            f"model {name}: the checkpoint holds {len(strange)} weights of a head that the model does not have "
            f"({_some(strange)}). {_remedy(config, missing, unexpected)}"
        )


def _remedy(config: PreTrainedConfig, missing: Sequence[str], unexpected: Sequence[str]) -> str:
    newer = FAMILIES[str(config.model_type)].shared
    if newer is not None and any(key.startswith(newer) for key in unexpected):
        return 'Its head is of the newer form: set "legacy": false in config.json'
    if newer is not None and any(key.startswith(newer) for key in missing):
        return 'Its head is not of the newer form: set "legacy": true in config.json, or use a checkpoint with a head'
    if any("discriminator" in key for key in unexpected):
        return "It is a discriminator, which predicts no terms: use the generator of the same name"
    architecture = next(iter(config.architectures or ()), "")
    if architecture.endswith("Model") and not architecture.endswith("LMHeadModel"):
        return f"It is a dense model ({architecture}): use a checkpoint saved with its language-model head"
    return "Use a checkpoint saved with its language-model head"


def _some(keys: Sequence[str]) -> str:
    return ", ".join(keys[:3]) + (", …" if len(keys) > 3 else "")
