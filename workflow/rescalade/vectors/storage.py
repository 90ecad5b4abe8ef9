"""Types in which weights are stored, and what each leaves out.

    float32     as encoded
    float16     half the bytes; `auto` takes it where every weight of the file survives the round trip
    int100      round(100 w) as uint16, what Lucene's impact indexes and PISA take
    relative8   round(255 w / m) as uint8, m the largest weight of the same text, stored per text as `scale`

A weight whose integer would be 0 is left out: the fixed step of int100 loses the small weights of a head
that was divided by a large k, the relative one does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from rescalade.errors import UserError
from rescalade.vectors.file_names import Storage
from rescalade.vectors.reader import SparseVectors

LOSSY = ("int100", "relative8")
STORAGES: tuple[str, ...] = get_args(Storage)


@dataclass(frozen=True)
class Stored:
    """Vectors ready for a file.

    kind: float32, float16, int100 or relative8. vectors: the entries that are kept, weights as they were.
    codes: [P] in the type of the file. scales: [N] float32 for relative8, else None.
    """

    kind: str
    vectors: SparseVectors
    codes: NDArray[Any]
    scales: NDArray[np.float32] | None = None


def store(vectors: SparseVectors, storage: str) -> Stored:
    """Choose the type and compute what is written.

    Raises:
        UserError: a weight is too large for int100, or the storage is unknown.
    """
    weights = vectors.weights
    if storage == "float32":
        return Stored("float32", vectors, weights)
    if storage == "auto":
        with np.errstate(over="ignore"):
            half = weights.astype(np.float16)
        same = bool(np.array_equal(half.astype(np.float32), weights))
        return Stored("float16", vectors, half) if same else Stored("float32", vectors, weights)
    if storage == "int100":
        scaled = np.rint(weights * np.float32(100))
        if len(scaled) and float(scaled.max()) > np.iinfo(np.uint16).max:
            raise UserError(f"weight {weights.max():g} is too large for int100, at most 655.35; use relative8")
        kept = _without(vectors, scaled == 0)
        return Stored("int100", kept, scaled[scaled != 0].astype(np.uint16))
    if storage == "relative8":
        scales = np.maximum(_largest(vectors) / np.float32(255), np.finfo(np.float32).tiny)
        steps = np.repeat(scales, np.diff(vectors.offsets))
        scaled = np.rint(weights / steps)
        kept = _without(vectors, scaled == 0)
        return Stored("relative8", kept, scaled[scaled != 0].astype(np.uint8), scales)
    raise UserError(f"weights {storage!r}: expected one of {', '.join(STORAGES)}")


def _largest(vectors: SparseVectors) -> NDArray[np.float32]:
    """[N] largest weight of each text; 1 for an empty one."""
    largest = np.ones(len(vectors), np.float32)
    filled = np.diff(vectors.offsets) > 0
    if filled.any():
        largest[filled] = np.maximum.reduceat(vectors.weights, vectors.offsets[:-1][filled])
    return largest


def _without(vectors: SparseVectors, left_out: NDArray[np.bool_]) -> SparseVectors:
    """The texts without the entries that a mask [postings] marks."""
    if not left_out.any():
        return vectors
    before = np.concatenate([[0], np.cumsum(left_out)])
    offsets = vectors.offsets - before[vectors.offsets]
    return SparseVectors(vectors.ids, offsets, vectors.terms[~left_out], vectors.weights[~left_out])
