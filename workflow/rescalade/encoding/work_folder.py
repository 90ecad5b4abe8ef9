"""Files of an encoding that are finished already: which of them are whole, and made as they would be now."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from rescalade.atomic import atomic_file, sha256
from rescalade.errors import UserError
from rescalade.vectors.file_names import MANIFEST
from rescalade.vectors.files import write_vectors
from rescalade.vectors.manifest_file import VectorsManifest
from rescalade.vectors.reader import SparseVectors, read_facts


@dataclass(frozen=True)
class WorkFolder:
    """Where an encoding grows, file by file; it outlives a killed process.

    folder: the files, each with its sha256 beside it, written after it. earlier: a finished encoding of the
    same data set, whose whole files need not be made again; it may be missing.
    """

    folder: Path
    earlier: Path | None = None

    def take(self, name: str, expected: Mapping[str, Any]) -> dict[str, Any] | None:
        """What a finished file says of itself, with its `sha256`; None where it has to be made.

        Args:
            expected: entries that its facts must have. Without an `identity` nothing is taken.
        """
        if not expected.get("identity"):
            return None
        path = self.folder / name
        facts = _whole(path, _read_digest(path), expected)
        if facts is None and self.earlier is not None:
            facts = _whole(self.earlier / name, _manifest_digest(self.earlier, name), expected)
            if facts is not None:
                _link(self.earlier / name, path)
                _write_digest(path, facts["sha256"])
        return facts

    def write(self, name: str, vectors: SparseVectors, storage: str, facts: Mapping[str, Any]) -> dict[str, Any]:
        """Write a file and then its digest; returns what `take` would."""
        path = self.folder / name
        write_vectors(path, vectors, storage, facts)
        digest = sha256(path)
        _write_digest(path, digest)
        return {**read_facts(path), "sha256": digest}

    def publish(self, names: set[str], target: Path) -> None:
        """Put the folder in the place of `target`, with these files and no others."""
        for path in self.folder.iterdir():
            if path.name not in names:
                path.unlink()
        target.parent.mkdir(parents=True, exist_ok=True)
        aside = target.with_name(f".{target.name}.old")
        shutil.rmtree(aside, ignore_errors=True)
        if target.exists():
            target.rename(aside)
        self.folder.rename(target)
        shutil.rmtree(aside, ignore_errors=True)
        if not any(self.folder.parent.iterdir()):
            self.folder.parent.rmdir()


def digest_name(path: Path) -> Path:
    """File with the sha256 of another one."""
    return path.with_suffix(".sha256")


def _whole(path: Path, digest: str | None, expected: Mapping[str, Any]) -> dict[str, Any] | None:
    if digest is None or not path.is_file():
        return None
    try:
        facts = read_facts(path)
    except (OSError, ValueError, pa.ArrowException):
        return None
    if any(facts.get(key) != value for key, value in expected.items()) or sha256(path) != digest:
        return None
    return {**facts, "sha256": digest}


def _read_digest(path: Path) -> str | None:
    try:
        return digest_name(path).read_text(encoding="ascii").strip()
    except (FileNotFoundError, UnicodeDecodeError):
        return None


def _write_digest(path: Path, digest: str) -> None:
    with atomic_file(digest_name(path)) as temporary:
        temporary.write_text(digest + "\n", encoding="ascii")


def _manifest_digest(folder: Path, name: str) -> str | None:
    try:
        manifest = VectorsManifest.read_or_none(folder / MANIFEST)
    except UserError:  # older or damaged: what it lists is made again
        return None
    return None if manifest is None else manifest.sha256.get(name)


def _link(source: Path, target: Path) -> None:
    """Give a file a second name, or copy it where the file system has no links."""
    with atomic_file(target) as temporary:
        try:
            os.link(source, temporary)
        except OSError:
            shutil.copy2(source, temporary)
