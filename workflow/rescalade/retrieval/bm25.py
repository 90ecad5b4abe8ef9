"""BM25 over a collection: the floor in every table, and the first stage that hard negatives come from.

The library is bm25s; k1 and b are Lucene's defaults in its own variant of the formula.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

K1, B = 0.9, 0.4
"""Anserini's and Pyserini's setting, under which BM25 baselines of the field are reported."""

WORD = r"(?u)\b\w\w+\b"


class Bm25:
    """An index over texts, numbered in the order given."""

    def __init__(self, texts: Sequence[str]) -> None:
        import bm25s

        self._bm25s = bm25s
        self._size = len(texts)
        self._index = bm25s.BM25(method="lucene", k1=K1, b=B)
        tokens = self._words(texts)
        self._empty = not any(tokens)  # bm25s cannot index a corpus without a single word
        if not self._empty:
            self._index.index(tokens, show_progress=False)

    def search(self, queries: Sequence[str], depth: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The best documents per query.

        Returns:
            ([Q, K] document numbers, [Q, K] float32 scores) with K = min(depth, number of texts), score
            descending; documents without a common word have score 0.
        """
        depth = min(depth, self._size)
        if self._empty:
            return np.zeros((len(queries), 0), np.int64), np.zeros((len(queries), 0), np.float32)
        numbers, scores = self._index.retrieve(self._words(queries), k=depth, show_progress=False, sorted=True)
        # bm25s orders ties as they come; a fixed order makes the run file reproducible.
        order = np.lexsort((numbers, -scores), axis=1)
        return np.take_along_axis(numbers, order, 1).astype(np.int64), np.take_along_axis(scores, order, 1)

    def _words(self, texts: Sequence[str]) -> list[list[str]]:
        words: list[list[str]] = self._bm25s.tokenize(
            list(texts), stopwords="en", token_pattern=WORD, return_ids=False, show_progress=False
        )
        return words
