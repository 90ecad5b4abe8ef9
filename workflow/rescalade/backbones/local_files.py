"""Which files of a user's model folder make a backbone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from rescalade.models.folder_files import read_files

MODULES = ("[0-9]_*", "*_[0-9]_*")
"""Folders of a module, as sentence-transformers calls them, which may hold others: `1_SpladePooling`,
`query_0_SparseStaticEmbedding`; modules.json may give one any name."""


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
        names = [
            str(module["path"]) for module in json.loads((folder / "modules.json").read_text(encoding="utf-8-sig"))
        ]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return set()
    return {folder / name for name in names if name and ".." not in Path(name).parts and not Path(name).is_absolute()}
