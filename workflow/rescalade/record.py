"""record.json: what made an output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rescalade.stored import Stored
from rescalade.strict import Strict

RECORD = "record.json"
"""Name of the file in an output folder; beside an output file it has the file's stem before it."""


class Environment(Strict):
    """Versions, hardware and source revision; null where nobody can say.

    git: commit of the checkout, with `+` where files differ from it. packages: versions of those that can change a
    result. gpu: the CUDA device in use; only a stage that has loaded torch knows of it.
    """

    rescalade: str | None
    git: str | None
    python: str
    packages: Mapping[str, str | None]
    platform: str
    cpu: str
    cores: int | None
    gpu: str | None

    @property
    def device(self) -> str:
        """What computed: the GPU where there is one."""
        return self.gpu or self.cpu or "an unknown device"


class Record(Stored):
    """What made one output of a stage.

    settings: JSON of the settings that the stage was called with. code: digest of the stage's code. inputs: sha256 by
    path. seconds: wall time. peak_memory_bytes: largest resident size of the process.
    """

    stage: str
    settings: Any
    code: str
    made: Environment
    inputs: Mapping[str, str]
    seconds: float
    peak_memory_bytes: int
