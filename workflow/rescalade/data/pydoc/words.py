"""Texts and names as words and numbers: what of a document repeats its query, and where a name falls in a split."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from itertools import islice

_WORD = re.compile(r"\w+")


def split_position(name: str) -> float:
    """Hash of a qualified name as a number in [0, 1), the same on every machine and in every process."""
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    # A float holds 53 bits exactly; rounding all 64 could give 1.0.
    return (int.from_bytes(digest, "big") >> 11) / 2**53


def words(text: str) -> list[str]:
    """Lower-case runs of letters, digits and underscores: the unit in which texts are compared and counted here."""
    return _WORD.findall(text.lower())


def has_words(text: str, count: int) -> bool:
    """Whether a text has at least so many words, `count` >= 1; no more of it is read than that takes."""
    return next(islice(_WORD.finditer(text.lower()), count - 1, None), None) is not None


def without_query(query: str, sentences: Sequence[str]) -> str | None:
    """Join the sentences of a document, leaving out those that contain its query.

    Texts are compared as sequences of words, so that case, punctuation and white space hide nothing.

    Returns:
        The document as one line, or None when the query still occurs across the border of two sentences.
    """
    sought = words(query)
    document = " ".join(sentence for sentence in sentences if not _contains(sentence, sought))
    return None if _contains(document, sought) else document


def _contains(text: str, sought: Sequence[str]) -> bool:
    """Whether some words occur in a text one after another."""
    if max(sought, key=len, default="") not in text.lower():  # nearly always, and at a tenth of the cost
        return False
    # Blanks around every word: a substring of this is a run of whole words.
    return f" {' '.join(sought)} " in f" {' '.join(words(text))} "
