"""A development part: some of a set's queries, by a hash of their text, on which settings may be chosen."""

from __future__ import annotations

from rescalade.data.text_hash import text_hash

DEVELOPMENT = 0.1
"""Share of the queries."""


def in_development(query: str) -> bool:
    """Whether a query is of the development part; the same question is on one side wherever it stands."""
    return text_hash(query) < DEVELOPMENT * 2**64
