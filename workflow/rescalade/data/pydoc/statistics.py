"""What was read, kept and dropped: the record that goes beside the collection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class PackageCounts:
    """Counts for one package.

    Attributes:
        version: Installed version of the distribution, of Python for `stdlib`, `unknown` without metadata.
        files_read: Python files whose docstrings were read, or that can hold none.
        files_skipped: Files that are not valid Python in a known encoding.
        docstrings: Docstrings of public functions, methods and classes.
        dropped: Number dropped for each reason, the reasons in alphabetic order. Each docstring is counted under the
            first reason that applies, so `docstrings == kept + sum(dropped.values())`.
        kept: Pairs in the collection.
    """

    version: str
    files_read: int
    files_skipped: int
    docstrings: int
    dropped: Mapping[str, int]
    kept: int


@dataclass(frozen=True)
class Statistics:
    """Counts for every package, by name in alphabetic order."""

    packages: Mapping[str, PackageCounts]

    @property
    def kept(self) -> int:
        """Number of pairs in the collection."""
        return sum(counts.kept for counts in self.packages.values())

    def to_dict(self) -> dict[str, Any]:
        """The counts as plain dictionaries, ready for JSON."""
        return {name: asdict(counts) for name, counts in self.packages.items()}
