"""An inverted index: for every term the documents that contain it, with their weights.

Derived from the vectors and deletable. Three arrays in numpy's own format, memory-mapped when searched.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rescalade.atomic import atomic_file, read_json, write_json
from rescalade.encoding.vectors import SparseVectors
from rescalade.errors import UserError

ARRAYS = ("offsets", "documents", "weights")


@dataclass(frozen=True)
class InvertedIndex:
    """Postings by term.

    offsets: [V + 1] int64; term j owns postings offsets[j]:offsets[j + 1].
    documents: [P] int32 document numbers, ascending inside a term. weights: [P] float32.
    ids: names of the N documents.
    """

    offsets: NDArray[np.int64]
    documents: NDArray[np.int32]
    weights: NDArray[np.float32]
    ids: list[str]

    @property
    def bytes(self) -> int:
        """Size of the three arrays."""
        return int(self.offsets.nbytes + self.documents.nbytes + self.weights.nbytes)


def build_index(shards: Iterable[SparseVectors], vocabulary: int) -> InvertedIndex:
    """Invert shards; documents are numbered in the order they come.

    Raises:
        UserError: a term number lies outside the vocabulary.
    """
    ids: list[str] = []
    terms, documents, weights = [], [], []
    for shard in shards:
        numbers = np.arange(len(ids), len(ids) + len(shard), dtype=np.int32)
        documents.append(np.repeat(numbers, np.diff(shard.offsets)))
        terms.append(shard.terms)
        weights.append(shard.weights)
        ids += shard.ids
    all_terms = np.concatenate(terms) if terms else np.zeros(0, np.int32)
    if len(all_terms) and int(all_terms.max()) >= vocabulary:
        raise UserError(f"term {int(all_terms.max())} lies outside the vocabulary of {vocabulary}; encode again")
    order = np.argsort(all_terms, kind="stable")  # stable: document numbers stay ascending inside a term
    offsets = np.zeros(vocabulary + 1, np.int64)
    np.cumsum(np.bincount(all_terms, minlength=vocabulary), out=offsets[1:])
    return InvertedIndex(
        offsets,
        (np.concatenate(documents) if documents else np.zeros(0, np.int32))[order],
        (np.concatenate(weights) if weights else np.zeros(0, np.float32))[order],
        ids,
    )


def save_index(folder: Path, index: InvertedIndex) -> None:
    """Write the arrays and the document ids."""
    for name in ARRAYS:
        with atomic_file(folder / f"{name}.npy") as temporary, temporary.open("wb") as stream:
            np.save(stream, getattr(index, name))
    write_json(folder / "documents.json", index.ids)


def load_index(folder: Path) -> InvertedIndex:
    """Map an index into memory.

    Raises:
        UserError: a file is missing or cut short.
    """
    arrays = {}
    for name in ARRAYS:
        path = folder / f"{name}.npy"
        try:
            arrays[name] = np.load(path, mmap_mode="r")
        except (OSError, ValueError) as error:
            raise UserError(f"{path}: cannot be read ({error}); delete {folder} and run again") from None
    return InvertedIndex(**arrays, ids=read_json(folder / "documents.json"))
