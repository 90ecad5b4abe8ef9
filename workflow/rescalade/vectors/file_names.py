"""Names of the files of an encoding; the graph needs them too, so nothing is imported here."""

from __future__ import annotations

from typing import Literal

Storage = Literal["float32", "auto", "int100", "relative8"]
"""Types in which weights are stored, see rescalade.vectors.storage."""

QUERIES = "queries.parquet"
MANIFEST = "manifest.json"


def shard_name(number: int) -> str:
    """File name of a corpus shard."""
    return f"shard-{number:05d}.parquet"


def shard_digest(number: int) -> str:
    """File name of a shard's sha256 while the encoding is not finished."""
    return f"shard-{number:05d}.sha256"
