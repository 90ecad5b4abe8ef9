"""What decides rankings."""

from __future__ import annotations

from rescalade.strict import Strict
from rescalade.texts.analyser import AnalyserName


class IndexSettings(Strict):
    """Settings of the stage `index`: none, since how much memory it has changes no ranking."""


class SearchSettings(Strict):
    """Settings of the stage `search`.

    depth: documents per query. drop_identical_ids: a document whose id is the query's is left out.
    """

    depth: int
    drop_identical_ids: bool = False


class Bm25Settings(SearchSettings):
    """Settings of the stage `bm25`. analyser: how words are found in documents and queries."""

    analyser: AnalyserName = "english"


class RandomSettings(SearchSettings):
    """Settings of the stage `random`.

    vocabulary, terms: every text has so many terms, one out of each of as many equal parts of the vocabulary. seed: of
    terms and weights.
    """

    vocabulary: int = 1024
    terms: int = 64
    seed: int = 0
