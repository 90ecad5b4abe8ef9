"""The two folders that everything lies in; where in them, the graph says (rescalade.pipeline.graph)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Paths:
    """Folders of results and reports.

    results: made by the stages, can be deleted stage by stage. report: pages, tables and figures.
    """

    results: Path = Path("results")
    report: Path = Path("report")

    @property
    def configurations(self) -> Path:
        """Configurations as they stood when a graph was built, named by their digest."""
        return self.results / ".config"

    @property
    def digests(self) -> Path:
        """Digests of the user's files, so that one that has not changed is not read again; it may be deleted."""
        return self.results / ".config" / "user-files.json"
