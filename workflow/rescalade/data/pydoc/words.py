"""Texts and names as words and numbers: what of a document repeats its query, and where a name falls in a split."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

_WORD = re.compile(r"\w+")


def split_position(name: str) -> float:
    """Hash of a qualified name as a number in [0, 1), the same on every machine and in every process."""
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    # A float holds 53 bits exactly; rounding all 64 could give 1.0.
    return (int.from_bytes(digest, "big") >> 11) / 2**53


def words(text: str) -> list[str]:
    """Lower-case runs of letters, digits and underscores: the unit in which texts are compared and counted here."""
    return _WORD.findall(text.lower())


def without_query(query: str, sentences: Sequence[str]) -> str | None:
    """Join the sentences of a document, leaving out those that contain its query.

    Texts are compared as sequences of words, so that case, punctuation and white space hide nothing.

    Returns:
        The document as one line, or None when the query still occurs across the border of two sentences.
    """
    needle = _key(query)
    document = " ".join(sentence for sentence in sentences if needle not in _key(sentence))
    return None if needle in _key(document) else document


def _key(text: str) -> str:
    # Blanks around every word: a substring of this is a run of whole words.
    return f" {' '.join(words(text))} "
