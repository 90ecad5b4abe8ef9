"""A source: what several collections are taken from, read once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rescalade.atomic import atomic_file, read_json, sha256, write_json
from rescalade.data.pydoc import Pair, extract
from rescalade.errors import UserError

PAIRS = "pairs.parquet"


def make_pydoc_source(
    folder: Path, packages: Sequence[str], *, near_duplicate: float, min_document_words: int, processes: int
) -> dict[str, Any]:
    """Extract docstring pairs of all packages together, so that duplicates between packages are seen.

    Returns:
        The manifest written beside them: counts and drops per package, versions, sha256.
    """
    pairs, statistics = extract(
        packages, near_duplicate=near_duplicate, min_document_words=min_document_words, processes=processes
    )
    if not pairs:
        raise UserError(f"no docstring pair is left of {', '.join(packages)}; lower min_document_words")
    with atomic_file(folder / PAIRS) as temporary:
        pq.write_table(pa.Table.from_pylist([asdict(pair) for pair in pairs]), temporary, compression="zstd")
    manifest = {
        "kind": "pydoc",
        "pairs": len(pairs),
        "packages": statistics.to_dict(),
        "sha256": {PAIRS: sha256(folder / PAIRS)},
    }
    write_json(folder / "manifest.json", manifest)
    return manifest


def read_pairs(folder: Path) -> tuple[list[Pair], dict[str, Any]]:
    """The pairs of a source and its manifest.

    Raises:
        UserError: the file is missing or differs from its manifest.
    """
    manifest = read_json(folder / "manifest.json")
    path = folder / PAIRS
    if not path.is_file() or sha256(path) != manifest["sha256"][PAIRS]:
        raise UserError(f"{path} is missing or damaged; delete {folder} and run again")
    return [Pair(**row) for row in pq.read_table(path).to_pylist()], manifest
