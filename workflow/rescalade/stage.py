"""What a stage is called with.

Every stage is one function `run_STAGE(settings, inputs, outputs, call)`: the settings decide what it makes, inputs and
outputs are the files that its row of `rescalade.pipeline.graph` declares, and the call says how it runs. Nothing in a
call changes a result.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from rescalade.errors import UserError
from rescalade.paths import Paths

Files = Mapping[str, Path]
"""Files or folders by the names that the stage's row of the graph gives them."""


@dataclass(frozen=True)
class Machine:
    """What a stage may use. threads: of the CPU. device_name: cpu, cuda or auto. memory_mb: for an index's postings."""

    threads: int = 1
    device_name: str = "auto"
    memory_mb: int = 256

    def __post_init__(self) -> None:
        """Refuse a name before anything is read.

        Raises:
            UserError: the device's is none of the three.
        """
        if self.device_name not in ("cpu", "cuda", "auto"):
            raise UserError(f"device {self.device_name!r}: expected cpu, cuda or auto")

    def device(self) -> str:
        """The torch device; torch's threads are set on the way.

        Raises:
            UserError: CUDA is asked for and there is none.
        """
        import torch

        torch.set_num_threads(self.threads)
        name = self.device_name
        if name == "auto":
            return "cuda" if torch.cuda.is_available() else "cpu"
        if name == "cuda" and not torch.cuda.is_available():
            raise UserError("device cuda: this machine or this build of torch has no CUDA device; use --device cpu")
        return name

    def devices(self) -> list[str]:
        """The torch devices of a stage that can use several: every visible GPU, or the CPU."""
        import torch

        name = self.device()
        return [f"cuda:{number}" for number in range(torch.cuda.device_count())] if name == "cuda" else [name]


class RecordWriter(Protocol):
    """Writes a stage's record to a path. read: what the stage has read beside its declared inputs, downloads say."""

    def __call__(self, path: Path, read: Sequence[Path] = ()) -> None:
        """Write it."""


def no_record(path: Path, read: Sequence[Path] = ()) -> None:
    """Writes nothing: for calls outside the pipeline."""


@dataclass(frozen=True)
class Call:
    """How one stage runs.

    title: for progress lines. names: what tells this job from others of its stage, by the names of its row in the
    graph. caches: folders outside every output that hold unfinished work or things made faster by keeping them; all can
    be deleted. key: digest of the stage's settings and code. record: writes the stage's record to a path; a stage whose
    output is a folder calls it before the folder appears. paths: where results and reports lie, for reports, which find
    their files by the configuration.
    """

    title: str
    names: Mapping[str, str] = field(default_factory=dict)
    machine: Machine = field(default_factory=Machine)
    caches: Files = field(default_factory=dict)
    code: str = ""
    key: str = ""
    record: RecordWriter = no_record
    paths: Paths = field(default_factory=Paths)

    def unfinished(self, *inputs: str) -> Path:
        """Folder of unfinished work: its key covers settings, code and inputs, so a change of any starts anew.

        Args:
            inputs: digests of what the stage reads, and whatever else unfinished work depends on.
        """
        digest = hashlib.sha256("\0".join([self.key, *inputs]).encode()).hexdigest()
        return self.caches["unfinished"] / f"{self.title.split()[0]}-{digest[:20]}"
