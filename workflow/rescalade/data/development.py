"""Parts of a set's queries by a hash of their text: one to choose settings on, and of the rest a sample."""

from __future__ import annotations

from rescalade.data.text_hash import text_hash

DEVELOPMENT, SAMPLE = 0.1, 0.3
"""Shares of the queries; the sample has none of the development part."""


def in_development(query: str) -> bool:
    """Whether a query is of the development part; the same question is on one side wherever it stands."""
    return text_hash(query) < DEVELOPMENT * 2**64


def in_sample(query: str) -> bool:
    """Whether a query is of the sample."""
    return DEVELOPMENT * 2**64 <= text_hash(query) < (DEVELOPMENT + SAMPLE) * 2**64
