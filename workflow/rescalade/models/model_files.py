"""Which files of a folder, or of a repository on the hub, are a model: weights, tokenizer, and how it is used."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any

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
modules.json and a router may give one any name. Other folders hold exports and checkpoints."""
ROUTERS = ("router_config.json", "config.json")
"""Names of a router's file: of sentence-transformers 5 and later, and before."""
VOCABULARIES = ("tokenizer.json", "vocab.txt", "*.model")
"""Each is enough for a tokenizer; vocab.json is with merges.txt beside it."""


def belongs(name: str, listed: Collection[str] = ()) -> bool:
    """Whether a file, by its path in the model's folder or repository, is one of the model.

    Args:
        name: the path, with slashes.
        listed: folders of modules, see `listed_folders`.
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


def listed_folders(file_of: Callable[[str], Path | None]) -> list[str] | None:
    """Folders of modules, without the model's own: those that modules.json names, and those that routers there do.

    None where modules.json cannot be read; what is wrong with it, or with a router, its reader says
    (`rescalade.models.sparse_encoder_modules`). Paths that lead out of the folder are left to it too.

    Args:
        file_of: the file of a path in the model's folder or repository; None where there is none.

    Raises:
        FileNotFoundError: there is no modules.json.
    """
    found = _modules(file_of)
    return None if found is None else [folder for folder in found if folder]


def _modules(file_of: Callable[[str], Path | None]) -> dict[str, str] | None:
    """The class of each module as the files call it, by its folder; arguments and result as above."""
    modules = file_of(MODULES)
    if modules is None:
        raise FileNotFoundError(MODULES)
    try:
        listed = json.loads(modules.read_text(encoding="utf-8-sig"))
        said = [(str(module["path"]), str(module.get("type"))) for module in listed]
    except _UNREADABLE:
        return None
    found: dict[str, str] = {}
    while said:
        path, kind = said.pop(0)
        folder = _normal(path)
        if folder in found or ".." in Path(path).parts or Path(path).is_absolute():
            continue
        found[folder] = kind
        said += [(f"{folder}/{name}" if folder else name, str(each)) for name, each in _routed(file_of, folder).items()]
    return found


def _routed(file_of: Callable[[str], Path | None], folder: str) -> dict[str, Any]:
    """Classes of the modules of the router in a folder, by their folders in that one; none where there is no router."""
    files = (file_of(f"{folder}/{name}" if folder else name) for name in ROUTERS)
    path = next((file for file in files if file is not None), None)
    try:
        return {} if path is None else dict(json.loads(path.read_text(encoding="utf-8-sig")).get("types") or {})
    except _UNREADABLE:
        return {}


def _normal(name: str) -> str:
    """A path as files are listed: without `.` in it, and empty for the model's own folder."""
    return PurePosixPath(name).as_posix() if PurePosixPath(name).parts else ""


_UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)


def file_in(folder: Path) -> Callable[[str], Path | None]:
    """The files of a folder by their paths in it, as `listed_folders` asks for them."""

    def file_of(name: str) -> Path | None:
        return path if (path := folder / name).is_file() else None

    return file_of


def model_files(folder: Path) -> list[Path]:
    """Files of a model's folder that belong to it, by name."""
    listed = _listed(folder)
    inside = (path for place in _places(folder, folder, listed) for path in place.iterdir() if path.is_file())
    return sorted(path for path in inside if belongs(path.relative_to(folder).as_posix(), listed))


def _listed(folder: Path) -> list[str]:
    return [name for name in _modules_in(folder) if name]


def _modules_in(folder: Path) -> dict[str, str]:
    """Classes of the modules of a folder by their folders, as far as it has any that can be read."""
    try:
        return _modules(file_in(folder)) or {}
    except FileNotFoundError:
        return {}


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
    """Whether a folder, or that of a module of it, holds a configuration, all weights as safetensors, a tokenizer.

    So must every language model that its modules name: the table of queries beside it has all three too.
    """
    models = [folder / name for name, kind in _modules_in(folder).items() if kind.endswith("Transformer")]
    places = _places(folder, folder, _listed(folder))
    return all(map(_holds_a_model, models)) and any(map(_holds_a_model, places))


def _holds_a_model(place: Path) -> bool:
    return (place / "config.json").is_file() and has_weights(place) and lacking_tokenizer(place) is None


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


def is_retriever(folder: Path) -> bool:
    """Whether files of a model say that it is a sparse retriever: of rescalade, or a SparseEncoder's.

    The classes of its modules do; and names alone, since sentence-transformers calls the folder of a module after its
    class.
    """
    kinds = _modules_in(folder).values()
    parts = [part for path in model_files(folder) for part in path.relative_to(folder).parts]
    return "splade.json" in parts or any(each.endswith(RETRIEVERS) for each in (*parts, *kinds))
