"""What decides rankings."""

from __future__ import annotations

from rescalade.strict import Strict


class IndexSettings(Strict):
    """Settings of the stage `index`: none, since how much memory it has changes no ranking."""


class SearchSettings(Strict):
    """Settings of the stages `search` and `bm25`.

    depth: documents per query. drop_identical_ids: a document whose id is the query's is left out.
    """

    depth: int
    drop_identical_ids: bool = False
