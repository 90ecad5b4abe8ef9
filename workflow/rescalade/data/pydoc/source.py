"""Docstrings of installed packages, extracted once for all data sets that take some of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from rescalade.atomic import sha256
from rescalade.data.pydoc.pair_file import PAIRS, PydocManifest
from rescalade.data.source_config import SourceConfig
from rescalade.errors import UserError


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
        """Extract the pairs of all packages together, so that duplicates between packages are seen.

        Raises:
            UserError: a package is not installed or has no Python source, or no pair is left.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        from rescalade.data.pydoc.extraction import extract

        pairs, packages = extract(
            wanted,
            near_duplicate=self.near_duplicate,
            min_document_words=self.min_document_words,
            processes=processes,
        )
        if not pairs:
            raise UserError(f"no docstring pair is left of {', '.join(wanted)}; lower min_document_words")
        path = folder / PAIRS
        pq.write_table(pa.Table.from_pylist([asdict(pair) for pair in pairs]), path, compression="zstd")
        manifest = PydocManifest(kind=self.kind, pairs=len(pairs), packages=packages, sha256={PAIRS: sha256(path)})
        manifest.write(folder / "manifest.json")
