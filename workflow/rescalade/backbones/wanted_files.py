"""Which files of a repository on the hub are a model: weights, tokenizer, and how it is used."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path

WANTED = (
    "config.json",
    "*.safetensors",
    "*.safetensors.index.json",
    "tokenizer*",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.*",
    "merges.txt",
    "*.model",
    "modules.json",
    "router_config.json",
    "sentence_bert_config.json",
    "sentence_*_config.json",
    "config_sentence_transformers.json",
    "splade.json",
)
"""Names of the files of a model, at its top and in the folders of sentence-transformers' modules."""
REFUSED = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.msgpack", "*.h5", "*.ot", "*.onnx", "*.py")
"""Never taken, whatever else matches: pickles, exports for other engines, code."""
MODULE = re.compile(r"(?:\w+_)?\d+_\w+")
"""Folder of a module: 1_SpladePooling, or of a router query_0_SparseStaticEmbedding. Others hold exports."""
TOKENIZERS = ("tokenizer.json", "vocab.txt", "vocab.json", "*.model")
RETRIEVERS = ("SpladePooling", "SparseStaticEmbedding")
"""Modules of sentence-transformers that make a sparse retriever, in the folder itself or behind a router."""


def wanted(name: str) -> bool:
    """Whether a file, by its path in the model's folder or repository, belongs to the model."""
    *folders, file = name.split("/")
    return (
        all(MODULE.fullmatch(folder) for folder in folders)
        and any(fnmatch(file, pattern) for pattern in WANTED)
        and not any(fnmatch(file, pattern) for pattern in REFUSED)
    )


def files_of(folder: Path) -> list[Path]:
    """Files of a model's folder that are wanted, by name."""
    inside = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in inside if wanted(path.relative_to(folder).as_posix()))


def is_whole(folder: Path) -> bool:
    """Whether a folder, or that of a module of it, holds a configuration, all weights as safetensors, a tokenizer."""
    modules = (path for path in folder.glob("*") if path.is_dir() and MODULE.fullmatch(path.name))
    return any(_is_whole(part) for part in (folder, *modules))


def _is_whole(folder: Path) -> bool:
    return (
        (folder / "config.json").is_file()
        and has_weights(folder)
        and any(any(folder.glob(pattern)) for pattern in TOKENIZERS)
    )


def has_weights(folder: Path) -> bool:
    """Whether every safetensors file of a model is there."""
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return (folder / "model.safetensors").is_file()
    try:
        parts = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (ValueError, KeyError, AttributeError):
        return False
    return all((folder / part).is_file() for part in parts)


def is_retriever(names: Iterable[str]) -> bool:
    """Whether files with these paths say that the model is a sparse retriever: of rescalade, or a SparseEncoder's.

    The names alone say it: sentence-transformers calls the folder of a module after its class.
    """
    parts = [part for name in names for part in name.split("/")]
    return "splade.json" in parts or any(part.endswith(RETRIEVERS) for part in parts)
