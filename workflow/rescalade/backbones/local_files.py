"""A user's model folder, and which of its files make a backbone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from rescalade.errors import UserError, shown_path
from rescalade.models.folder_files import read_files
from rescalade.models.model_folder import MODULES as LISTED
from rescalade.models.model_folder import is_model_folder
from rescalade.models.refusals import check_no_adapter

MODULES = ("[0-9]_*", "*_[0-9]_*")
"""Folders of a module, as sentence-transformers calls them, which may hold others: `1_SpladePooling`,
`query_0_SparseStaticEmbedding`; modules.json may give one any name."""


def local_source(path: str) -> Path:
    """A folder given in the configuration, checked before transformers would take it for a hub name.

    Raises:
        UserError: it is not a model folder.
    """
    folder = Path(path).expanduser()
    check_no_adapter(folder)
    if not is_model_folder(folder):
        raise UserError(
            f"model folder {shown_path(folder)}: neither config.json nor {LISTED} is there; expected a model saved by "
            "save_pretrained"
        )
    return folder


def model_files(folder: Path) -> Sequence[Path]:
    """Configuration, weights and tokenizer, in the folder itself and in those of its modules, sorted.

    Of a folder that is no model, config.json, which should be there.
    """
    return sorted({path for place in _folders(folder) for path in read_files(place)}) or [folder / "config.json"]


def _folders(folder: Path) -> list[Path]:
    inner = {path for pattern in MODULES for path in folder.glob(pattern)} | _named(folder)
    return [folder, *(place for each in inner if each.is_dir() for place in _folders(each))]


def _named(folder: Path) -> set[Path]:
    """Folders that modules.json names, as far as it can be read: whether it is sound, its reader says."""
    try:
        names = [str(module["path"]) for module in json.loads((folder / LISTED).read_text(encoding="utf-8-sig"))]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return set()
    return {folder / name for name in names if name and ".." not in Path(name).parts and not Path(name).is_absolute()}
