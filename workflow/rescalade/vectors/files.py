"""Files of encoded texts: Parquet with one row per text, terms ascending, weights above 0.

Columns are compressed with zstd after delta-binary-packed (terms) and byte-stream-split (weights) encoding,
so any Parquet reader can use them. docs/vectors.md describes the format.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rescalade.atomic import atomic_file
from rescalade.errors import UserError, let_refusals_through
from rescalade.vectors.reader import FACTS, SparseVectors, read_file
from rescalade.vectors.storage import Stored, store

TYPES = {"float32": pa.float32(), "float16": pa.float16(), "int100": pa.uint16(), "relative8": pa.uint8()}


def write_vectors(
    path: Path, vectors: SparseVectors, storage: str = "float32", facts: Mapping[str, Any] | None = None
) -> Stored:
    """Write one file, whole or not at all.

    Args:
        storage: float32, auto, int100 or relative8; see rescalade.vectors.storage.
        facts: kept in the file's metadata, beside the type of the weights, their number and their sum.

    Returns:
        What was stored.

    Raises:
        UserError: a weight is not finite or not above 0; the text is named.
        OSError: the disk is full; it names the file.
    """
    wrong = np.flatnonzero(~(np.isfinite(vectors.weights) & (vectors.weights > 0)))
    if len(wrong):
        text = int(np.searchsorted(vectors.offsets, wrong[0], side="right")) - 1
        raise UserError(
            f"text {vectors.ids[text]!r}: term {vectors.terms[wrong[0]]} has weight {vectors.weights[wrong[0]]}; "
            "weights must be finite and above 0. The model is broken: see outcome.json of its run"
        )
    stored = store(vectors, storage)
    kept = stored.vectors
    described = {
        **(facts or {}),
        "weights": stored.kind,
        "postings": kept.postings,
        "weight": float(kept.weights.sum(dtype=np.float64)),
    }
    table = _table(stored).replace_schema_metadata({FACTS: json.dumps(described)})
    try:
        with atomic_file(path) as temporary:
            pq.write_table(
                table,
                temporary,
                compression="zstd",
                use_dictionary=False,
                column_encoding={
                    "id": "DELTA_BYTE_ARRAY",
                    "terms.list.element": "DELTA_BINARY_PACKED",
                    "weights.list.element": "BYTE_STREAM_SPLIT",
                },
            )
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from None  # pyarrow's does not name the file
    return stored


def read_vectors(path: Path) -> SparseVectors:
    """Read one file; weights are float32, whatever they are stored as.

    Raises:
        UserError: it is missing or cannot be read.
    """
    try:
        return read_file(path)
    except (OSError, KeyError, pa.ArrowException) as error:
        let_refusals_through(error)
        reason = "is missing" if isinstance(error, FileNotFoundError) else f"is damaged ({_first_line(error)})"
        raise UserError(f"{path} {reason}; encode again") from None


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _table(stored: Stored) -> pa.Table:
    offsets = stored.vectors.offsets
    columns = {
        "id": pa.array(stored.vectors.ids, pa.string()),
        "terms": _lists(offsets, pa.array(stored.vectors.terms, pa.int32())),
        "weights": _lists(offsets, pa.array(stored.codes, TYPES[stored.kind])),
    }
    if stored.scales is not None:
        columns["scale"] = pa.array(stored.scales, pa.float32())
    return pa.table(columns)


def _lists(offsets: Any, values: pa.Array) -> pa.ListArray:
    return pa.LargeListArray.from_arrays(offsets, values).cast(pa.list_(values.type))
