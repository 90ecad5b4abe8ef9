"""BM25 over a corpus of any size: the floor in every table, and the first stage that hard negatives come from.

The formula is that of the library bm25s in Lucene's variant, and from the same words so are the weights, bit by bit.
The library itself holds the words of the whole corpus as Python objects, tens of gigabytes for MS MARCO; here the
corpus passes once, its counts go to disk, and the weights into our own index, which is searched like any other.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rescalade.retrieval.identical import depth_for, ranking
from rescalade.retrieval.search import Ranking, search
from rescalade.retrieval.storage import load_index, write_index
from rescalade.retrieval.words import Words, analyser_named
from rescalade.scoring.runfile import Hit
from rescalade.texts.analyser import AnalyserName
from rescalade.texts.collection import document_batches, read_table, texts_of
from rescalade.vectors.vectors import SparseVectors, read_vectors, write_vectors

K1, B = 0.9, 0.4
"""Anserini's and Pyserini's setting, under which BM25 baselines of the field are reported."""

PART_DOCUMENTS = 8192
"""Documents whose words are in memory together."""

SLICE_QUERIES = 4096
"""Queries that are searched together."""

Part = tuple[Sequence[str], Sequence[str]]
"""Ids and texts."""


class Bm25:
    """An index over texts, numbered in the order given, for queries that are known beforehand.

    In memory are one part of the corpus, 4 bytes per document, the queries' words and one block of the index.
    """

    def __init__(
        self, documents: Iterable[Part], queries: Iterable[Sequence[str]], folder: Path, analyser: AnalyserName
    ) -> None:
        """Make the index.

        Args:
            documents: the corpus in parts, gone through once.
            queries: all texts that `search` will be asked with, in parts.
            folder: an empty folder for the index and what it is made from; it is used while this object is.
            analyser: how words are found in documents and queries, see `rescalade.retrieval.words`.
        """
        self._words = Words(queries, analyser_named(analyser))
        counted = _Counted(folder / "counts", len(self._words))
        for ids, texts in documents:
            counted.add(*self._words.count(ids, texts))
        write_index(folder / "index", counted.weighted(), len(self._words))
        self._index = load_index(folder / "index")

    def search(self, queries: Sequence[str], depth: int, threads: int = 1) -> list[Ranking]:
        """The best documents per query: (document numbers, float64 scores), score descending, ties by number.

        Documents without a common word are not among them. A word counts as often as the query says it.
        """
        asked, _ = self._words.count([str(number) for number in range(len(queries))], queries)
        return search(self._index, asked, depth, threads)

    def names(self, documents: NDArray[np.int64]) -> list[str]:
        """Ids of documents [K] by number."""
        return self._index.names(documents)


class _Counted:
    """Word counts of the corpus on disk, and the sums that turn them into weights."""

    def __init__(self, folder: Path, vocabulary: int) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._frequencies = np.zeros(vocabulary, np.int64)
        self._lengths: list[NDArray[np.int32]] = []

    def add(self, counts: SparseVectors, lengths: NDArray[np.int64]) -> None:
        """Keep the word counts of a part of the corpus."""
        write_vectors(self._path(len(self._lengths)), counts, "auto")
        self._frequencies += np.bincount(counts.terms, minlength=len(self._frequencies))
        self._lengths.append(lengths.astype(np.int32))

    def weighted(self) -> Iterator[SparseVectors]:
        """The parts with weights idf(j) tf / (k1 (1 - b + b l / mean l) + tf) in place of counts tf.

        idf(j) = log(1 + (N - n_j + .5) / (n_j + .5)) with n_j the documents that contain word j; l counts words.
        Types are those of bm25s: float32 for idf and the weight, float64 between.
        """
        documents = sum(map(len, self._lengths))
        mean = sum(int(part.sum(dtype=np.int64)) for part in self._lengths) / max(1, documents)
        idf = np.array(
            [math.log(1 + (documents - n + 0.5) / (n + 0.5)) for n in self._frequencies.tolist()], np.float32
        )
        for number, lengths in enumerate(self._lengths):
            part = read_vectors(self._path(number))
            self._path(number).unlink()
            counts = part.weights.astype(np.float64)
            saturation = K1 * ((1 - B) + B * lengths / max(mean, 1e-9))
            factor = counts / (np.repeat(saturation, np.diff(part.offsets)) + counts)
            weights = (idf[part.terms] * factor).astype(np.float32)
            yield SparseVectors(part.ids, part.offsets, part.terms, weights)

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:06d}.parquet"


def rank_collection(
    folder: Path,
    scratch: Path,
    depth: int,
    *,
    analyser: AnalyserName = "english",
    drop_identical_ids: bool = False,
    threads: int = 1,
) -> Iterator[tuple[str, list[Hit]]]:
    """The best documents for every query of a collection on disk, a slice of the queries at a time.

    Args:
        scratch: an empty folder; it holds the index meanwhile.
        analyser: how words are found.
        drop_identical_ids: a document whose id is the query's is left out.
    """
    queries = read_table(folder, "queries.parquet")
    slices = [queries.slice(start, SLICE_QUERIES) for start in range(0, len(queries), SLICE_QUERIES)]
    index = Bm25(collection_parts(folder), (part["text"].to_pylist() for part in slices), scratch, analyser)
    for part in slices:
        found = index.search(part["text"].to_pylist(), depth_for(depth, drop_identical_ids), threads)
        for name, (numbers, scores) in zip(part["id"].to_pylist(), found, strict=True):
            hits = list(zip(index.names(numbers), scores.tolist(), strict=True))
            yield name, ranking(name, hits, depth, drop_identical_ids)


def collection_parts(folder: Path) -> Iterator[Part]:
    """Ids and texts of a collection on disk."""
    for batch in document_batches(folder, PART_DOCUMENTS):
        yield batch.column("id").to_pylist(), texts_of(batch)
