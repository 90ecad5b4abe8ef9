"""An inverted index in blocks of documents: for every block and term the documents that contain it, with weights.

Derived from the vectors and deletable. `build_index` keeps it in memory; rescalade.retrieval.storage writes it to disk
and maps it from there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rescalade.retrieval.arrays import read_only
from rescalade.retrieval.block import BLOCK_POSTINGS, blocks
from rescalade.retrieval.document_ids import RepeatedIds, pack_names
from rescalade.vectors.vectors import SparseVectors


@dataclass(frozen=True)
class InvertedIndex:
    """Postings by block, then by term. All arrays are read-only.

    ids: names of the N documents. first: [B + 1] int64; block b holds documents first[b]:first[b + 1].
    offsets: [B, V + 1] int64; block b's postings of term j are offsets[b, j]:offsets[b, j + 1].
    documents: [P] uint16; document number less first[b], ascending inside a term. weights: [P] float32, above 0.
    maxima: [B, V] float32; the largest weight of a term in a block, 0 where it has no postings.
    frequencies: [V] int64; documents that have the term.
    model: digest of the model that made the vectors, empty where it is not known.
    """

    ids: Sequence[str]
    first: NDArray[np.int64]
    offsets: NDArray[np.int64]
    documents: NDArray[np.uint16]
    weights: NDArray[np.float32]
    maxima: NDArray[np.float32]
    frequencies: NDArray[np.int64]
    model: str = ""

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def vocabulary(self) -> int:
        """Number V of terms."""
        return int(self.offsets.shape[1]) - 1

    @property
    def bytes(self) -> int:
        """Size of the postings and of what finds them."""
        arrays = (self.first, self.offsets, self.documents, self.weights, self.maxima, self.frequencies)
        return sum(int(array.nbytes) for array in arrays)

    def names(self, documents: NDArray[np.int64]) -> list[str]:
        """Ids of documents [K] by number."""
        return [self.ids[number] for number in documents.tolist()]


def build_index(
    shards: Iterable[SparseVectors], vocabulary: int, *, model: str = "", block_postings: int = BLOCK_POSTINGS
) -> InvertedIndex:
    """Invert shards in memory; documents are numbered in the order they come.

    Raises:
        UserError: a weight is negative or not finite, a term lies outside the vocabulary, or an id stands twice; the
            document is named.
    """
    found = list(blocks(shards, vocabulary, block_postings))
    starts = np.cumsum([0, *(len(block.documents) for block in found)])
    offsets = np.array([block.offsets + start for block, start in zip(found, starts, strict=False)], np.int64)
    first = np.cumsum([0, *(len(block.ids) for block in found)])
    maxima = np.array([block.maxima() for block in found], np.float32)
    frequencies = sum((np.diff(block.offsets) for block in found), np.zeros(vocabulary, np.int64))
    documents = np.concatenate([np.zeros(0, np.uint16), *(block.documents for block in found)])
    weights = np.concatenate([np.zeros(0, np.float32), *(block.weights for block in found)])
    names = [name for block in found for name in block.ids]
    repeated = RepeatedIds()
    repeated.add(*pack_names(names))
    repeated.check(names)
    return InvertedIndex(
        names,
        read_only(first, np.int64),
        read_only(offsets.reshape(len(found), vocabulary + 1), np.int64),
        read_only(documents, np.uint16),
        read_only(weights, np.float32),
        read_only(maxima.reshape(len(found), vocabulary), np.float32),
        read_only(frequencies, np.int64),
        model,
    )
