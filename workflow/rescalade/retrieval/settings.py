"""What decides rankings."""

from __future__ import annotations

from rescalade.strict import Strict


class IndexSettings(Strict):
    """The stage `index`: nothing to decide, since how much memory it has changes no ranking."""


class SearchSettings(Strict):
    """The stages `search` and `bm25`.

    depth: documents per query. drop_identical_ids: a document whose id is the query's is left out.
    """

    depth: int
    drop_identical_ids: bool = False
