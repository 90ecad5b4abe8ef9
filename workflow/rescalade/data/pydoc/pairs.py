"""One query-document pair, and where it falls in a split."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Pair:
    """The summary of one function or class, and the rest of its documentation.

    Attributes:
        id: `package/rest.of.the.name`, unique in the collection, without white space.
        package: Top-level import name, or `stdlib` for the standard library.
        name: Fully qualified name, such as `torch.nn.functional.relu`.
        query: The one-line summary.
        document: The rest of the documentation, one line of text that does not contain the query.
        position: Number in [0, 1) that depends on `name` alone. A split takes a range of it, such as
            `position < 0.1` for the test queries, so that it does not move when other packages are added.
    """

    id: str
    package: str
    name: str
    query: str
    document: str
    position: float


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
