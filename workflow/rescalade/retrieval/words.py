"""Words of texts as BM25 counts them: those of the library bm25s, without its English stop words."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from rescalade.vectors.vectors import SparseVectors

WORD = r"(?u)\b\w\w+\b"


class Words:
    """Words of some queries, numbered; only these matter for the scores of the queries.

    A corpus of millions of passages has millions of words, most of them in one passage. The words of the queries are
    few, whatever the size of the corpus, so they bound the tables of an index.
    """

    def __init__(self, queries: Iterable[Sequence[str]]) -> None:
        """Number the words in the order of their first appearance.

        Args:
            queries: texts, in parts of any size.
        """
        self._numbers: dict[str, int] = {}
        for part in queries:
            for word in _tokenise(part)[1]:
                self._numbers.setdefault(word, len(self._numbers))

    def __len__(self) -> int:
        return len(self._numbers)

    def count(self, ids: Sequence[str], texts: Sequence[str]) -> tuple[SparseVectors, NDArray[np.int64]]:
        """How often every text contains each of the words.

        Returns:
            The counts, as weights, and [N] all words of each text, unknown ones included.
        """
        tokens, vocabulary = _tokenise(texts)
        lengths = np.fromiter(map(len, tokens), np.int64, len(tokens))
        flat = np.fromiter(itertools.chain.from_iterable(tokens), np.int64, int(lengths.sum()))
        numbers = np.fromiter((self._numbers.get(word, -1) for word in vocabulary), np.int64, len(vocabulary))
        terms = numbers[flat] if len(flat) else flat
        rows = np.repeat(np.arange(len(texts)), lengths)
        known = terms >= 0
        width = max(1, len(self))
        keys, counts = np.unique(rows[known] * width + terms[known], return_counts=True)
        offsets = np.concatenate([[0], np.cumsum(np.bincount(keys // width, minlength=len(texts)))])
        found = SparseVectors(
            list(ids), offsets.astype(np.int64), (keys % width).astype(np.int32), counts.astype(np.float32)
        )
        return found, lengths


def _tokenise(texts: Sequence[str]) -> tuple[list[list[int]], list[str]]:
    """Word numbers of each text, and the words by number."""
    import bm25s

    found = bm25s.tokenize(list(texts), stopwords="en", token_pattern=WORD, show_progress=False)
    return found.ids, list(found.vocab)
