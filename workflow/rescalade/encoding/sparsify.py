"""A dense batch of term weights as compressed rows, made where the batch lies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rescalade.compiled import kernel


@dataclass(frozen=True)
class SparseRows:
    """Rows of a batch on the CPU.

    counts: [B] int64 entries per row. terms: [P] int32, ascending inside a row. weights: [P] float32 above 0.
    broken: [B] bool, rows that hold a NaN or an infinity; they have no entries.
    """

    counts: NDArray[np.int64]
    terms: NDArray[np.int32]
    weights: NDArray[np.float32]
    broken: NDArray[np.bool_]


def sparsify(weights: Tensor) -> SparseRows:
    """Entries above 0 of [B, V] float32 term weights.

    On a GPU the rows are counted and gathered there; one copy of counts and entries comes over, some hundred
    bytes per text in place of 4 V.
    """
    if weights.device.type == "cpu":
        dense = weights.detach().numpy()
        counts = np.empty(len(dense), np.int64)
        broken = np.empty(len(dense), np.bool_)
        _count(dense, counts, broken)
        terms, values = np.empty(counts.sum(), np.int32), np.empty(counts.sum(), np.float32)
        _gather(dense, counts, terms, values)
        return SparseRows(counts, terms, values, broken)
    finite = torch.isfinite(weights).all(1)
    active = (weights > 0) & finite.unsqueeze(1)
    place = active.nonzero()[:, 1].to(torch.int32)
    head = torch.stack([active.sum(1).to(torch.int32), (~finite).to(torch.int32)]).flatten()
    packed = torch.cat([head, place, weights[active].view(torch.int32)]).cpu().numpy()
    rows, postings = len(weights), len(place)
    entries = packed[2 * rows :]
    return SparseRows(
        packed[:rows].astype(np.int64),
        entries[:postings].copy(),
        entries[postings:].view(np.float32).copy(),
        packed[rows : 2 * rows].astype(np.bool_),
    )


@kernel()
def _count(dense: NDArray[np.float32], counts: NDArray[np.int64], broken: NDArray[np.bool_]) -> None:
    """Entries above 0 of every row; 0 for a row with one that is not finite."""
    for row in range(dense.shape[0]):
        found, finite = 0, True
        for column in range(dense.shape[1]):
            value = dense[row, column]
            found += value > 0.0
            finite &= np.isfinite(value)
        broken[row] = not finite
        counts[row] = found if finite else 0


@kernel()
def _gather(
    dense: NDArray[np.float32], counts: NDArray[np.int64], terms: NDArray[np.int32], weights: NDArray[np.float32]
) -> None:
    """The entries themselves, row after row."""
    place = 0
    for row in range(dense.shape[0]):
        stop = place + counts[row]
        column = 0
        while place < stop:
            if dense[row, column] > 0.0:
                terms[place] = column
                weights[place] = dense[row, column]
                place += 1
            column += 1
