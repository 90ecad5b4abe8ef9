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
