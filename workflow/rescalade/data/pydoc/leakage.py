"""No document contains its own query."""

from __future__ import annotations

from collections.abc import Sequence

from rescalade.data.pydoc.pairs import words


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
