"""Words of texts as BM25 counts them, by one of two analysers.

english: as Anserini's default. Words as Lucene's StandardTokenizer finds them in English text (Unicode annex 29: single
characters count, `don't`, `U.S.A` and `3.14` are one word, a hyphen separates), a possessive 's removed, Lucene's 33
stop words left out, and the Porter stemmer in Lucene's form. words: of at least two characters, split at every sign,
without stop words and unstemmed, as in the library bm25s by default.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rescalade.texts.analyser import AnalyserName
from rescalade.vectors.vectors import SparseVectors

_JOIN_LETTERS, _JOIN_DIGITS = "'\u2018\u2019\uff07.\u2024:\u00b7\u2027", "'\u2018\u2019\uff07.\u2024,;"
"""Signs that do not end a word between two letters, and between two digits."""
_END = rf"(?!\w|[{_JOIN_LETTERS}][^\W\d_])"
_POSSESSIVE = rf"['\u2019\uff07]s{_END}"
_WORDS = {
    "english": rf"(_*[^\W_]\w*(?:(?!{_POSSESSIVE})(?:(?<=[^\W\d_])[{_JOIN_LETTERS}](?=[^\W\d_])"
    rf"|(?<=\d)[{_JOIN_DIGITS}](?=\d))\w+)*)(?:{_POSSESSIVE})?",
    "words": r"\b\w\w+\b",
}
_STEMS = 1 << 17
"""Stems that are remembered; a large corpus has millions of words, most of them once."""


@dataclass(frozen=True)
class Analyser:
    """pattern: finds the words of a text in lower case. stem: what a word is counted as."""

    pattern: str
    stem: Callable[[str], str]


def analyser_named(name: AnalyserName) -> Analyser:
    """The analyser of that name."""
    return Analyser(_WORDS[name], porter if name == "english" else str)


class Words:
    """Words of some queries, numbered; only these matter for the scores of the queries.

    A corpus of millions of passages has millions of words, most of them in one passage. The words of the queries are
    few, whatever the size of the corpus, so they bound the tables of an index.
    """

    def __init__(self, queries: Iterable[Sequence[str]], analyser: Analyser) -> None:
        """Number the words in the order of their first appearance.

        Args:
            queries: texts, in parts of any size.
            analyser: says what a word is.
        """
        self._analyser = analyser
        self._numbers: dict[str, int] = {}
        for part in queries:
            for word in self._tokenise(part)[1]:
                self._numbers.setdefault(analyser.stem(word), len(self._numbers))

    def __len__(self) -> int:
        return len(self._numbers)

    def count(self, ids: Sequence[str], texts: Sequence[str]) -> tuple[SparseVectors, NDArray[np.int64]]:
        """How often every text contains each of the words.

        Returns:
            The counts, as weights, and [N] all words of each text, unknown ones included.
        """
        tokens, vocabulary = self._tokenise(texts)
        lengths = np.fromiter(map(len, tokens), np.int64, len(tokens))
        flat = np.fromiter(itertools.chain.from_iterable(tokens), np.int64, int(lengths.sum()))
        stems = map(self._analyser.stem, vocabulary)
        numbers = np.fromiter((self._numbers.get(stem, -1) for stem in stems), np.int64, len(vocabulary))
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

    def _tokenise(self, texts: Sequence[str]) -> tuple[list[list[int]], list[str]]:
        """Word numbers of each text, and the words by number, unstemmed."""
        import bm25s

        # its English stop words are Lucene's
        found = bm25s.tokenize(list(texts), stopwords="en", token_pattern=self._analyser.pattern, show_progress=False)
        return found.ids, list(found.vocab)


@lru_cache(_STEMS)
def porter(word: str) -> str:
    """Stem of a lower-case word by the Porter stemmer as Lucene has it, which is Porter's own later form.

    Beside the algorithm of 1980, which is the library's: words of one or two letters stay as they are, and step 2 has
    `bli` to `ble` (possibly, like possible, becomes possibl) and `logi` to `log` (archaeology becomes archaeolog).

    Source: https://tartarus.org/martin/PorterStemmer/, points of difference from the published algorithm.
    """
    if len(word) <= 2:
        return word
    stem: str = _snowball().stemWord(word)
    if stem.endswith("bli") and _MEASURE.search(stem[:-3]):
        stem = _snowball().stemWord(stem[:-1] + "e")
    elif stem.endswith("logi") and _MEASURE.search(stem[:-4]):
        stem = stem[:-1]
    return stem


_MEASURE = re.compile("[aeiou][^aeiou]|(?<=[^aeiou])y[^aeiouy]")
"""A vowel before a consonant: the measure m of what it is found in is above 0. A y is a vowel after a consonant."""


@cache
def _snowball() -> Any:
    import snowballstemmer

    return snowballstemmer.stemmer("porter")
