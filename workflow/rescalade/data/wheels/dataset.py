"""Data sets out of a wheel: one part, as the source's reader reads it."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from rescalade.data.dataset_config import DatasetConfig
from rescalade.data.wheels.members import MEMBERS, PARTS, WheelManifest, part_file

if TYPE_CHECKING:
    from rescalade.data.streams import CollectionStreams
    from rescalade.data.wheels.source import WheelSource


class WheelDataset(DatasetConfig):
    """Keys of a data set out of a wheel, beside those of DatasetConfig."""

    part: str = Field(
        "train",
        description="For reader boolq: train, dev, or of dev: development, a tenth of its questions by a hash of their "
        "text, for choosing settings, test, the rest, and sample, a third of that.",
    )
    passages: Literal["all", "part"] = Field(
        "all",
        description="all: the passages of all questions are the documents. part: those alone that questions of the "
        "same part were asked about.",
    )

    def modules(self, source: WheelSource) -> Sequence[str]:
        """Modules of this kind and of the source's reader."""
        return [*super().modules(source), _reader(source)]

    def open(self, name: str, source: WheelSource, folder: Path | None) -> CollectionStreams:
        """One part, as the source's reader reads it.

        Raises:
            UserError: the source's files are missing or damaged.
        """
        from rescalade.texts.collection import check_file

        assert folder is not None, "the files are taken out of the wheel by a stage"  # noqa: S101
        digests = WheelManifest.read(folder / "manifest.json").sha256
        for part in MEMBERS[source.reader]:
            check_file(folder, part_file(part), digests)
        streams: CollectionStreams = importlib.import_module(_reader(source)).open_part(
            folder, self.part, self.passages
        )
        return streams

    def mistake(self, source: WheelSource) -> tuple[str, str] | None:
        """A part that the reader does not have."""
        parts = PARTS[source.reader]
        return None if self.part in parts else ("part", f"{self.part!r} is not one of {', '.join(parts)}")


def _reader(source: WheelSource) -> str:
    return f"rescalade.data.wheels.{source.reader}"
