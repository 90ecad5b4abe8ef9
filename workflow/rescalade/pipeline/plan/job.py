"""One job: a call of a stage, by the names that Snakemake gives it too."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rescalade.config import Run

Key = tuple[str, ...]
"""A rule and the names that tell its jobs apart."""
RULES = (
    "source",
    "collection",
    "triples",
    "backbone",
    "audit_backbone",
    "rescale",
    "rescale_by_rule",
    "train",
    "encode_shard",
    "encode",
    "index",
    "search",
    "score",
    "bm25",
    "score_bm25",
    "page",
    "tables",
    "figures",
    "report",
    "all",
)
"""In the order of the pipeline."""


@dataclass(frozen=True)
class Job:
    """One call of a stage.

    key: rule and names. outputs: files and folders it makes. needs: jobs whose outputs it reads. stage, names: whose
    settings it has (`stage_settings`). record: the file beside its outputs that keeps them. run: for jobs of a run.
    """

    key: Key
    outputs: tuple[Path, ...]
    needs: tuple[Key, ...] = ()
    stage: str | None = None
    names: tuple[tuple[str, str], ...] = ()
    record: Path | None = None
    run: Run | None = None

    @property
    def rule(self) -> str:
        """Name of the rule whose job this is."""
        return self.key[0]
