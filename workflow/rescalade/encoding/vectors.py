"""Encoded texts on disk: Parquet shards of (id, terms, weights) with a manifest.

One row per text, terms ascending, weights above 0. Columns are compressed with zstd after
delta-binary-packed (terms) and byte-stream-split (weights) encoding, so any Parquet reader can use them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from rescalade.atomic import read_json, sha256
from rescalade.errors import UserError

SCHEMA = pa.schema([("id", pa.string()), ("terms", pa.list_(pa.int32())), ("weights", pa.list_(pa.float32()))])
QUERIES = "queries.parquet"
MANIFEST = "manifest.json"


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


def shard_name(number: int) -> str:
    """File name of a corpus shard."""
    return f"shard-{number:05d}.parquet"


def write_vectors(path: Path, vectors: SparseVectors) -> None:
    """Write one file.

    Raises:
        UserError: a weight is not finite or not above 0; the text is named.
    """
    wrong = np.flatnonzero(~(np.isfinite(vectors.weights) & (vectors.weights > 0)))
    if len(wrong):
        text = int(np.searchsorted(vectors.offsets, wrong[0], side="right")) - 1
        raise UserError(
            f"text {vectors.ids[text]!r}: term {vectors.terms[wrong[0]]} has weight {vectors.weights[wrong[0]]}; "
            "weights must be finite and above 0. The model is broken: see outcome.json of its run"
        )
    table = pa.Table.from_arrays(
        [
            pa.array(vectors.ids, pa.string()),
            pa.LargeListArray.from_arrays(vectors.offsets, vectors.terms).cast(SCHEMA.field("terms").type),
            pa.LargeListArray.from_arrays(vectors.offsets, vectors.weights).cast(SCHEMA.field("weights").type),
        ],
        schema=SCHEMA,
    )
    pq.write_table(
        table,
        path,
        compression="zstd",
        use_dictionary=False,
        column_encoding={
            "id": "DELTA_BYTE_ARRAY",
            "terms.list.element": "DELTA_BINARY_PACKED",
            "weights.list.element": "BYTE_STREAM_SPLIT",
        },
    )


def read_vectors(path: Path) -> SparseVectors:
    """Read one file."""
    table = pq.read_table(path, schema=SCHEMA).combine_chunks()
    if not len(table):
        return SparseVectors([], np.zeros(1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32))
    terms, weights = (table[name].chunk(0) for name in ("terms", "weights"))
    return SparseVectors(
        ids=table["id"].to_pylist(),
        offsets=terms.offsets.to_numpy().astype(np.int64),
        terms=terms.values.to_numpy(),
        weights=weights.values.to_numpy(),
    )


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of an encoded data set, after comparing every file with it.

    Raises:
        UserError: a shard is missing or damaged.
    """
    manifest: dict[str, Any] = read_json(folder / MANIFEST)
    for name, expected in manifest["sha256"].items():
        path = folder / name
        if not path.is_file():
            raise UserError(f"{path} is missing; delete {folder} and encode again")
        found = sha256(path)
        if found != expected:
            raise UserError(
                f"{path}: sha256 {found[:12]}… found, the manifest says {expected[:12]}…; "
                f"the file is damaged: delete {folder} and encode again"
            )
    return manifest


class CorpusShards:
    """The encoded corpus of a data set, one shard at a time; nobody has to hold it whole.

    May be iterated any number of times, always in document order: each time every shard is read from disk
    again, its weights as float32 whatever type they are stored in. `len` is the number of shards.
    """

    def __init__(self, folder: Path) -> None:
        """Compare the folder with its manifest.

        Raises:
            UserError: a shard is missing or damaged.
        """
        self.folder = folder
        self.manifest = read_manifest(folder)

    def __len__(self) -> int:
        return len(self.manifest["shards"])

    def __iter__(self) -> Iterator[SparseVectors]:
        for name in self.manifest["shards"]:
            yield read_vectors(self.folder / name)

    @property
    def documents(self) -> int:
        """Number of documents in all shards."""
        return int(self.manifest["documents"])


def concatenate(parts: Sequence[SparseVectors]) -> SparseVectors:
    """Parts one after another."""
    lengths = [np.diff(part.offsets) for part in parts]
    offsets = np.concatenate([[0], np.cumsum(np.concatenate(lengths))]) if parts else np.zeros(1)
    return SparseVectors(
        ids=[identity for part in parts for identity in part.ids],
        offsets=offsets.astype(np.int64),
        terms=np.concatenate([part.terms for part in parts]) if parts else np.zeros(0, np.int32),
        weights=np.concatenate([part.weights for part in parts]) if parts else np.zeros(0, np.float32),
    )
