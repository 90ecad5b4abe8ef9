"""An exact index over sparse vectors, in memory or on disk, for programs that bring their own vectors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from rescalade.atomic import atomic_folder
from rescalade.errors import UserError
from rescalade.library.rows import as_rows
from rescalade.library.words import Vocabulary, Words, check_fit, read_words, terms_of, write_words
from rescalade.retrieval.header import HEADER, verify
from rescalade.retrieval.index import InvertedIndex, build_index
from rescalade.retrieval.save import save_index
from rescalade.retrieval.search import search
from rescalade.retrieval.storage import MEMORY_MB, load_index, write_index
from rescalade.vectors.file_names import MANIFEST
from rescalade.vectors.vectors import CorpusShards, SparseVectors


@dataclass(frozen=True, eq=False, repr=False)
class Hits(Sequence[tuple[str, float]]):
    """The best documents of one query as a sequence of (id, score), the best first.

    numbers: [K] int64, documents in the order in which they were indexed. scores: [K] float64, above 0. Equal scores
    stand by ascending number. The ids are looked up when they are asked for.
    """

    numbers: NDArray[np.int64]
    scores: NDArray[np.float64]
    _names: Sequence[str]

    @property
    def ids(self) -> list[str]:
        """Names of the K documents."""
        return [self._names[number] for number in self.numbers.tolist()]

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, key: int) -> tuple[str, float]: ...
    @overload
    def __getitem__(self, key: slice) -> list[tuple[str, float]]: ...

    def __getitem__(self, key: int | slice) -> tuple[str, float] | list[tuple[str, float]]:
        if isinstance(key, slice):
            return list(Hits(self.numbers[key], self.scores[key], self._names))
        return self._names[int(self.numbers[key])], float(self.scores[key])

    def __iter__(self) -> Iterator[tuple[str, float]]:
        return iter(zip(self.ids, self.scores.tolist(), strict=True))

    def __repr__(self) -> str:
        return repr(list(self))


class SparseIndex:
    """Documents by term, searched exactly: scores are float64 dot products of the float32 weights.

    Made by `build` or `load`. What is guaranteed, and the files, are described in docs/retrieval.md.

        index = SparseIndex.build(model.encode_document(texts), ids=names)
        for name, score in index.search(model.encode_query(["a question"]), k=10)[0]: ...
    """

    def __init__(self, index: InvertedIndex, words: Words | None = None) -> None:
        self._index, self._words = index, words

    @classmethod
    def build(
        cls,
        vectors: Any,
        ids: Sequence[str] | None = None,
        *,
        vocabulary: Vocabulary | None = None,
        folder: str | Path | None = None,
        memory_mb: int = MEMORY_MB,
    ) -> SparseIndex:
        """Index the vectors of N documents.

        Args:
            vectors: [N, V] weights, finite and not negative, zeros dropped: a scipy sparse matrix, a tensor of
                sentence-transformers (sparse or dense, any device), a numpy array, a list of {term: weight}, or an
                iterator over any of these, part after part, as pairs (ids, vectors) where the documents have
                names; or a folder with encoded documents (docs/vectors.md), which has ids and V too.
            ids: N different names; where None, "0", "1" and so on.
            vocabulary: V, needed where `vectors` does not say it: dictionaries. Or the words of the terms, by which
                dictionaries may then name them, in queries too: a list, whose places are the numbers; a dictionary
                {word: number}, such as a tokenizer's get_vocab(); or the folder of a model. They are kept with the
                index.
            folder: where the index is written, block by block, and then mapped; where None it is in memory.
            memory_mb: for the postings of one block while it is written to `folder`.

        Raises:
            UserError: a weight, a term or an id is wrong, naming the document; V or the number of ids does not fit;
                or the folder holds something that is no index.
        """
        terms, words = terms_of(vocabulary)
        if isinstance(vectors, str | Path):
            if ids is not None or (vocabulary is not None and words is None):
                raise UserError(f"{vectors}: a folder of vectors has ids and vocabulary itself; leave them out")
            if not (Path(vectors) / MANIFEST).is_file():
                raise UserError(
                    f"{vectors}: no encoded texts there ({MANIFEST} is missing); expected a folder that "
                    "`rescalade encode` has written"
                )
            shards = CorpusShards(Path(vectors))
            return cls._built(shards, shards.manifest.vocabulary, words, shards.manifest.model, folder, memory_mb)
        if isinstance(vectors, Iterator):
            if ids is not None:
                raise UserError("ids: an iterator over parts takes them with each part, as pairs (ids, vectors)")
            parts = _parts(vectors, words)
        else:
            parts = iter([as_rows(vectors, ids, words=words)])
        first = next(parts, None)
        said = None if first is None else first[1]
        if said is None or words is None:  # the vectors may have more terms than there are words for
            said = terms or said
        if said is None:
            raise UserError(
                "vocabulary: these vectors do not say how many terms there are; give it, for instance "
                "vocabulary=model.get_embedding_dimension()"
            )
        shards_of = _of_width(chain([] if first is None else [first], parts), said)
        return cls._built(shards_of, said, words, "", folder, memory_mb)

    @classmethod
    def _built(
        cls,
        shards: Any,
        vocabulary: int,
        words: Words | None,
        model: str,
        folder: str | Path | None,
        memory_mb: int,
    ) -> SparseIndex:
        if vocabulary < 1:
            raise UserError(f"vocabulary {vocabulary}: at least 1 term is expected")
        check_fit(words, vocabulary)
        if folder is None:
            return cls(build_index(shards, vocabulary, model=model), words)
        place = _place(folder)
        with atomic_folder(place) as output:
            write_index(output, shards, vocabulary, model=model, memory_mb=memory_mb)
            write_words(output, words)
        return cls.load(place)

    @classmethod
    def load(cls, folder: str | Path, *, mapped: bool = True, check: bool = False) -> SparseIndex:
        """Open an index on disk.

        Args:
            mapped: read what a search needs, when it needs it; otherwise everything is read now.
            check: compare all files with their checksums first, a second per gigabyte. Header and sizes are compared
                in any case.

        Raises:
            UserError: no index is there, or it is damaged.
        """
        if check:
            verify(Path(folder))
        index = load_index(Path(folder))
        words = read_words(Path(folder), index.vocabulary)
        return cls(index if mapped else _in_memory(index), words)

    def save(self, folder: str | Path) -> None:
        """Write the index to a folder; it appears whole or not at all. An index that stands there is replaced.

        Raises:
            UserError: the folder holds something that is no index, or the disk is full.
        """
        with atomic_folder(_place(folder)) as output:
            save_index(output, self._index)
            write_words(output, self._words)

    def search(self, queries: Any, k: int = 10, *, threads: int = 1) -> list[Hits]:
        """The best k documents of every query by dot product, score descending, then document number ascending.

        Args:
            queries: [Q, V], in one of the forms that `build` takes, but for iterators and folders; one row [V] or one
                dictionary is one query.
            k: documents per query; only those with a score above 0 are found.
            threads: queries are shared out among so many; the result has the same bits for any number.

        Raises:
            UserError: queries of another vocabulary, or with a weight that is negative or not finite; k below 1.
        """
        rows, width = as_rows(queries, words=self._words)
        if width is not None and width != self.vocabulary:
            raise UserError(
                f"queries: vectors over {self.vocabulary:,} terms are expected, as those of the documents, found "
                f"{width:,}; encode both with one model"
            )
        if threads < 1:
            raise UserError(f"threads {threads}: at least 1 is expected")
        found = search(self._index, rows, k, threads)
        return [Hits(numbers, scores, self._index.ids) for numbers, scores in found]

    def __len__(self) -> int:
        """Number N of documents."""
        return len(self._index)

    @property
    def vocabulary(self) -> int:
        """Number V of terms."""
        return self._index.vocabulary

    @property
    def ids(self) -> Sequence[str]:
        """Names of the documents, in the order in which they were indexed."""
        return self._index.ids

    @property
    def nbytes(self) -> int:
        """Size in bytes, without the ids."""
        return self._index.bytes

    def __repr__(self) -> str:
        postings = len(self._index.documents)
        return f"<SparseIndex: {len(self):,} documents, {self.vocabulary:,} terms, {postings:,} postings>"


def _parts(given: Iterator[Any], words: Words | None) -> Iterator[tuple[SparseVectors, int | None]]:
    """Parts as rows; without names of their own they are numbered through."""
    count = 0
    for part in given:
        pair = isinstance(part, tuple) and len(part) == 2
        rows, width = as_rows(*part[::-1], words=words) if pair else as_rows(part, words=words, first=count)
        count += len(rows)
        yield rows, width


def _of_width(parts: Iterator[tuple[SparseVectors, int | None]], vocabulary: int) -> Iterator[SparseVectors]:
    for rows, width in parts:
        if width is not None and width != vocabulary:
            raise UserError(f"vectors: rows over {vocabulary:,} terms are expected, found {width:,}")
        yield rows


def _in_memory(index: InvertedIndex) -> InvertedIndex:
    arrays = ("first", "offsets", "documents", "weights", "maxima", "frequencies")
    copies = {name: np.array(getattr(index, name)) for name in arrays}
    for array in copies.values():
        array.setflags(write=False)
    return InvertedIndex(list(index.ids), model=index.model, **copies)


def _place(folder: str | Path) -> Path:
    """A folder to write an index to: one that is not there, is empty, or holds an index.

    Raises:
        UserError: it holds anything else, which would be lost.
    """
    place = Path(folder).absolute()
    if place.exists() and not (place / HEADER).is_file() and (not place.is_dir() or any(place.iterdir())):
        raise UserError(f"{place}: it exists and holds no index; choose a new folder, or remove it first")
    return place
