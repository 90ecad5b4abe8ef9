"""Reads encoded texts with numpy and pyarrow alone: this file can be copied and used without the rest.

    for shard in read_folder(Path("results/runs/RUN/vectors/DATASET")):
        for number, name in enumerate(shard.ids):
            row = slice(shard.offsets[number], shard.offsets[number + 1])
            terms, weights = shard.terms[row], shard.weights[row]

The format is described in docs/vectors.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

FACTS = b"rescalade"
"""Key of the JSON in a file's Parquet metadata: model, vocabulary, which texts, what was left out."""


@dataclass(frozen=True)
class SparseVectors:
    """Texts as compressed sparse rows.

    ids: N names. offsets: [N + 1] int64; text i owns entries offsets[i]:offsets[i + 1].
    terms: [P] int32, ascending inside a text. weights: [P] float32, above 0.
    """

    ids: list[str]
    offsets: NDArray[np.int64]
    terms: NDArray[np.int32]
    weights: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def postings(self) -> int:
        """Number of (text, term) entries."""
        return len(self.terms)


def read_file(path: Path) -> SparseVectors:
    """One file of texts, its weights as float32 whatever they are stored as.

    Raises:
        OSError: the file is missing, or damaged where the reading looks (pyarrow's errors are OSErrors).
    """
    table = pq.read_table(path).combine_chunks()
    if not len(table):
        return SparseVectors([], np.zeros(1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32))
    terms, weights = (table[name].chunk(0) for name in ("terms", "weights"))
    offsets = terms.offsets.to_numpy().astype(np.int64)
    scales = table["scale"].to_numpy() if "scale" in table.column_names else None
    return SparseVectors(table["id"].to_pylist(), offsets, terms.values.to_numpy(), _decode(weights, offsets, scales))


def read_facts(path: Path) -> dict[str, Any]:
    """What a file says about itself; empty where it says nothing."""
    metadata = pq.read_schema(path).metadata or {}
    found: dict[str, Any] = json.loads(metadata.get(FACTS, b"{}"))
    return found


def read_folder(folder: Path) -> Iterator[SparseVectors]:
    """The documents of an encoded data set, one shard at a time; nothing is compared with checksums."""
    for name in json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["shards"]:
        yield read_file(folder / name)


def _decode(
    column: pa.ListArray, offsets: NDArray[np.int64], scales: NDArray[np.float32] | None
) -> NDArray[np.float32]:
    """float32 and float16 as they are; uint16 is 100 times the weight; uint8 counts steps of its text's scale."""
    stored: NDArray[Any] = column.values.to_numpy()
    weights: NDArray[np.float32] = stored.astype(np.float32, copy=False)
    if stored.dtype == np.uint16:
        return weights / np.float32(100)
    if stored.dtype == np.uint8 and scales is not None:
        return weights * np.repeat(scales, np.diff(offsets))
    return weights
