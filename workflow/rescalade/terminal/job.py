"""A job as Snakemake tells of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rescalade.terminal.job_log import JobLog


@dataclass
class Job:
    """One call of a stage.

    number: Snakemake's. stage: name of its rule. names: what tells it from other jobs of its stage. log: what it
    writes; None for a job that writes none. outputs: files it makes. started: seconds of the clock.
    """

    number: int
    stage: str
    names: str
    log: JobLog | None
    outputs: tuple[str, ...]
    started: float

    @classmethod
    def of(cls, told: Mapping[str, Any], now: float) -> Job:
        """The job that Snakemake tells of when it starts or fails."""
        logs = told.get("log") or ()
        return cls(
            number=told["jobid"],
            stage=told["rule_name"],
            names="/".join(map(str, (told.get("wildcards") or {}).values())),
            log=JobLog(Path(logs[0])) if logs else None,
            outputs=tuple(told.get("output") or ()),
            started=now,
        )

    @property
    def title(self) -> str:
        """Stage and names."""
        return f"{self.stage} {self.names}".rstrip()
