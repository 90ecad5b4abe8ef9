"""Docstrings of installed packages: extracted once, then each data set takes its packages and its side of the split."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from rescalade.data.settings import DatasetConfig, SourceConfig

if TYPE_CHECKING:
    from rescalade.data.streams import CollectionStreams


class PydocSource(SourceConfig):
    """Docstrings of installed packages: a one-line summary is the query, the rest of the text the document."""

    stage_keys: ClassVar[frozenset[str]] = frozenset({"near_duplicate", "min_document_words"})
    collection_keys: ClassVar[frozenset[str]] = frozenset({"held_out"})

    kind: Literal["pydoc"]
    held_out: float = Field(0.1, gt=0, lt=1, description="Share of pairs, by hash of their name, kept from training.")
    near_duplicate: float = Field(
        0.7, gt=0, le=1, description="Jaccard similarity of word shingles from which two texts count as the same."
    )
    min_document_words: int = Field(20, ge=5, description="Shorter documents are left out.")

    def make(self, folder: Path, wanted: Sequence[str], processes: int) -> None:
        """Extract the pairs of all packages together, so that duplicates between packages are seen."""
        from rescalade.data.pydoc.source import make_pydoc_source

        make_pydoc_source(
            folder,
            wanted,
            near_duplicate=self.near_duplicate,
            min_document_words=self.min_document_words,
            processes=processes,
        )


class PydocDataset(DatasetConfig):
    """Keys of a data set of docstrings, beside those of DatasetConfig."""

    packages: list[str] = Field(
        min_length=1, description="Packages whose docstrings are taken; `stdlib` is Python's own."
    )
    part: Literal["train", "held-out", "all"] = Field("all", description="Side of the split.")
    per_package: int | None = Field(None, ge=1, description="At most this many pairs of each package.")
    limit: int | None = Field(None, ge=1, description="At most this many pairs in all.")

    def open(self, name: str, source: PydocSource, folder: Path | None) -> CollectionStreams:
        """Pairs of some packages on one side of the split; their order is that of their ids."""
        from rescalade.data.pydoc.collection import open_pairs

        assert folder is not None, "the pairs are made by a stage"  # noqa: S101
        return open_pairs(
            folder,
            self.packages,
            self.part,
            held_out=source.held_out,
            per_package=self.per_package,
            limit=self.limit,
        )

    def wants(self) -> Sequence[str]:
        """Packages whose docstrings are to be extracted."""
        return self.packages

    def listed(self, what: Literal["docs", "queries"]) -> int | None:
        """The limit, above which no set has documents or queries."""
        return self.limit
