"""Which files of a folder, or of a repository on the hub, are a model: weights, tokenizer, and how it is used."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path

NAMES = (
    "config.json",
    "generation_config.json",
    "*.safetensors",
    "*.safetensors.index.json",
    "tokenizer*",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab*",
    "merges*",
    "*.model",
    "*.jinja",
    "modules.json",
    "router_config.json",
    "sentence_*_config.json",
    "config_sentence_transformers.json",
    "splade.json",
)
"""Names of the files of a model, at its top and in the folders of sentence-transformers' modules."""
REFUSED = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.msgpack", "*.h5", "*.ot", "*.onnx", "*.py", ".*")
"""Never taken, whatever else matches: pickles, exports for other engines, code, hidden files."""
MODULES = "modules.json"
MODULE = re.compile(r"(?:\w+_)?\d+_\w+")
"""Folder of a module, as sentence-transformers calls it: 1_SpladePooling, or of a router query_0_SparseStaticEmbedding;
modules.json may give one any name. Other folders hold exports and checkpoints."""
VOCABULARIES = ("tokenizer.json", "vocab.txt", "*.model")
"""Each is enough for a tokenizer; vocab.json is with merges.txt beside it."""


def belongs(name: str, listed: Collection[str] = ()) -> bool:
    """Whether a file, by its path in the model's folder or repository, is one of the model.

    Args:
        name: the path, with slashes.
        listed: folders of modules by modules.json, see `listed_folders`.
    """
    folder, _, file = name.rpartition("/")
    return (
        _of_module(folder, listed)
        and any(fnmatch(file, pattern) for pattern in NAMES)
        and not any(fnmatch(file, pattern) for pattern in REFUSED)
    )


def _of_module(folder: str, listed: Collection[str]) -> bool:
    """Whether a folder is the model's own, written as the empty text, or one of a module in a folder that is."""
    if not folder or folder in listed:
        return True
    above, _, last = folder.rpartition("/")
    return MODULE.fullmatch(last) is not None and _of_module(above, listed)


def listed_folders(modules: Path) -> list[str] | None:
    """Folders that a modules.json names, without the model's own.

    None where it cannot be read; what is wrong with it, its reader says
    (`rescalade.models.sparse_encoder_modules`). Paths that lead out of the folder are left to it too.

    Raises:
        FileNotFoundError: there is none.
    """
    try:
        names = [str(module["path"]) for module in json.loads(modules.read_text(encoding="utf-8-sig"))]
    except FileNotFoundError:
        raise
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return [name for name in names if name and ".." not in Path(name).parts and not Path(name).is_absolute()]


def model_files(folder: Path) -> list[Path]:
    """Files of a model's folder that belong to it, by name."""
    listed = _listed(folder)
    inside = (path for place in _places(folder, folder, listed) for path in place.iterdir() if path.is_file())
    return sorted(path for path in inside if belongs(path.relative_to(folder).as_posix(), listed))


def _listed(folder: Path) -> list[str]:
    try:
        return listed_folders(folder / MODULES) or []
    except FileNotFoundError:
        return []


def _places(place: Path, folder: Path, listed: Collection[str]) -> Iterator[Path]:
    """A folder and those below it that may hold files of the model; large trees beside them are not walked."""
    if not place.is_dir():
        return
    yield place
    for inner in place.iterdir():
        name = inner.relative_to(folder).as_posix()
        if inner.is_dir() and (_of_module(name, listed) or any(each.startswith(f"{name}/") for each in listed)):
            yield from _places(inner, folder, listed)


def is_whole(folder: Path) -> bool:
    """Whether a folder, or that of a module of it, holds a configuration, all weights as safetensors, a tokenizer."""
    return any(
        (place / "config.json").is_file() and has_weights(place) and lacking_tokenizer(place) is None
        for place in _places(folder, folder, _listed(folder))
    )


def has_weights(folder: Path) -> bool:
    """Whether every safetensors file of a model is there."""
    files = weight_files(folder)
    return bool(files) and all(file.is_file() for file in files)


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files that transformers would load, there or not: the one of the usual name, else the parts.

    Empty where there is neither, or the index of the parts cannot be read.
    """
    if (folder / "model.safetensors").is_file():
        return [folder / "model.safetensors"]
    try:
        index = json.loads((folder / "model.safetensors.index.json").read_text(encoding="utf-8-sig"))
        return [folder / name for name in sorted({*index["weight_map"].values()})]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return []


def lacking_tokenizer(folder: Path) -> str | None:
    """What a folder lacks to have a tokenizer with words, for the middle of a sentence; None where it has all.

    transformers 5 makes up a tokenizer that knows no word where there is no vocabulary.
    """
    if any(any(folder.glob(pattern)) for pattern in VOCABULARIES):
        return None
    if not (folder / "vocab.json").is_file():
        return "the folder has no tokenizer"
    return None if (folder / "merges.txt").is_file() else "merges.txt is missing beside vocab.json"


RETRIEVERS = ("SpladePooling", "SparseStaticEmbedding")
"""Modules of sentence-transformers that make a sparse retriever, in the folder itself or behind a router."""


def is_retriever(names: Iterable[str]) -> bool:
    """Whether files with these paths say that the model is a sparse retriever: of rescalade, or a SparseEncoder's.

    The names alone say it: sentence-transformers calls the folder of a module after its class.
    """
    parts = [part for name in names for part in name.split("/")]
    return "splade.json" in parts or any(part.endswith(RETRIEVERS) for part in parts)
