"""A tiny model as it would lie on the hub, with things beside it that must not be downloaded."""

from __future__ import annotations

from pathlib import Path

from rescalade.backbones.vocabulary import as_transformers, train_wordpiece
from support.models import tiny
from support.texts import TEXTS

OTHER_FILES = ("pytorch_model.bin", "model.onnx", "modeling.py", "README.md", "flax_model.msgpack")


def tiny_checkpoint(folder: Path, kind: str = "bert") -> Path:
    """Model, tokenizer and pickles, exports and code that are none."""
    tiny(kind).save_pretrained(folder)
    as_transformers(train_wordpiece(TEXTS, 60), 16).save_pretrained(folder)
    for name in OTHER_FILES:
        (folder / name).write_text("no weights")
    return folder


def into_cache(cache: Path, name: str, commit: str, folder: Path, branch: str = "main") -> Path:
    """Lay a model into a hub cache by hand, as its documentation describes the layout: refs, blobs, snapshots."""
    root = cache / f"models--{name.replace('/', '--')}"
    snapshot = root / "snapshots" / commit
    (root / "blobs").mkdir(parents=True)
    (root / "refs").mkdir()
    snapshot.mkdir(parents=True)
    (root / "refs" / branch).write_text(commit)
    for number, file in enumerate(sorted(folder.iterdir())):
        blob = root / "blobs" / f"{number:040x}"
        blob.write_bytes(file.read_bytes())
        (snapshot / file.name).symlink_to(f"../../blobs/{blob.name}")
    return snapshot
