"""Names of the files of an encoding; the graph needs them too, so nothing is imported here."""

from __future__ import annotations

from typing import Literal

Storage = Literal["float32", "auto", "int100", "relative8"]
"""Types in which weights are stored, see rescalade.vectors.storage."""

QUERIES = "queries.parquet"
MANIFEST = "manifest.json"


def shard_name_of(number: str) -> str:
    """File name of a corpus shard whose number is written already, or a pattern for one."""
    return f"shard-{number}.parquet"


def shard_digest_of(number: str) -> str:
    """File name of its sha256 while the encoding is not finished."""
    return f"shard-{number}.sha256"


def shard_name(number: int) -> str:
    """File name of a corpus shard."""
    return shard_name_of(f"{number:05d}")
