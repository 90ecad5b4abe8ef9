"""Whether a checkpoint that another library has loaded brings its language-model head along."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rescalade.models.checkpoint_config import read_config
from rescalade.models.families import FAMILIES
from rescalade.models.folder_files import own_json
from rescalade.models.hushed import hushed
from rescalade.models.locate import family_of
from rescalade.models.model_files import model_files
from rescalade.models.refusals import cannot_load, check_head_keys


def check_checkpoint(name: str | Path, revision: str | None = None) -> None:
    """Compare the names of a checkpoint's weights with those of its model; no weight is read.

    Raises:
        UserError: weights of the head are missing, so that whoever loads it starts them at random, or lie in it
            unused; its head family is unknown; or it cannot be loaded, or not from safetensors.
    """
    from transformers import AutoModelForCausalLM, AutoModelForMaskedLM

    import rescalade.models.without_torchao  # noqa: F401  before a model class is asked for

    config = read_config(name, revision)
    family = family_of(str(config.model_type))
    loader: Any = AutoModelForCausalLM if family.causal else AutoModelForMaskedLM
    try:
        with hushed():
            _, report = loader.from_pretrained(
                str(name),
                config=config,
                revision=revision,
                use_safetensors=True,
                trust_remote_code=False,
                device_map="meta",
                output_loading_info=True,
            )
    except Exception as error:  # noqa: BLE001  # a broken file can end in anything
        raise cannot_load(name, error) from None
    check_head_keys(name, config, sorted(report["missing_keys"]), sorted(report["unexpected_keys"]))


def language_models(folder: Path) -> list[Path]:
    """Folders with a language model of a known family in a folder of modules: itself, or those of routes below it."""
    files = model_files(folder)
    found = {path.parent for path in files if path.suffix == ".safetensors"}
    return [
        path.parent
        for path in files
        if path.name == "config.json" and path.parent in found and own_json(path).get("model_type") in FAMILIES
    ]
