"""A folder in the layout of the hub's cache, made by hand, as huggingface_hub leaves it after a download."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def add_to_cache(cache: Path, kind: str, identity: str, files: Mapping[str, bytes], commit: str = COMMIT) -> Path:
    """Add a repository: blobs by their hash, links to them in the snapshot of a commit, and the name `main` for it.

    Args:
        kind: models or datasets.

    Returns:
        The snapshot's folder.
    """
    root = cache / f"{kind}--{identity.replace('/', '--')}"
    snapshot = root / "snapshots" / commit
    for name, content in files.items():
        blob = root / "blobs" / hashlib.sha256(content).hexdigest()
        blob.parent.mkdir(parents=True, exist_ok=True)
        blob.write_bytes(content)
        link = snapshot / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(blob)
    (root / "refs").mkdir(exist_ok=True)
    (root / "refs" / "main").write_text(commit)
    return snapshot
