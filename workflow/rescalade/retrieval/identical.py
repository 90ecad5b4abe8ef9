"""Protocols in which a query is itself a document, and is not an answer to itself (ArguAna, Quora)."""

from __future__ import annotations

from collections.abc import Sequence

from rescalade.scoring.runfile import Hit


def depth_for(depth: int, drop_identical_ids: bool) -> int:
    """Documents to retrieve so that `depth` are left when the query's own may go."""
    return depth + 1 if drop_identical_ids else depth


def ranking(query: str, hits: Sequence[Hit], depth: int, drop_identical_ids: bool) -> list[Hit]:
    """The first `depth` hits, without the document whose id is the query's if that is the protocol."""
    if drop_identical_ids:
        hits = [hit for hit in hits if hit[0] != query]
    return list(hits[:depth])
