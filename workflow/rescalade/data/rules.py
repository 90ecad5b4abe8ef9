"""What a data set's entry declares: a rule for titles, and what must be found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from rescalade.data.dataset_config import DatasetConfig
from rescalade.data.streams import Document
from rescalade.errors import UserError


def by_title_rule(titles: Literal["prepend", "once", "none"], given: Document) -> Document:
    """A document by the rule that `DatasetConfig.titles` describes; text without white space at its ends."""
    title, text = given.title.strip(), given.text.strip()
    if titles == "none":
        title = ""
    elif titles == "once":
        head, words = title.split(), text.split()  # lines may be broken elsewhere
        if head and words[: len(head)] == head:
            text = " ".join(words[len(head) :])
    return Document(given.id, title, text)


def check_counts(name: str, entry: DatasetConfig, found: Mapping[str, int]) -> None:
    """Compare numbers of documents, queries and judgements with those that are declared.

    Raises:
        UserError: one differs.
    """
    for what in ("documents", "queries", "judgements"):
        declared: int | None = getattr(entry, what)
        if declared not in (None, found[what]):
            raise UserError(
                f"data set {name}: {found[what]:,} {what} arrived, {declared:,} are declared; this is another "
                f"version of the data, or the download is incomplete (datasets.{name}.{what})"
            )


def check_golden(name: str, what: str, declared: Mapping[str, str], found: Mapping[str, str]) -> None:
    """Compare beginnings of texts.

    Args:
        what: document or query.
        declared: how texts begin, by id.
        found: text by id, of those that are declared and were met.

    Raises:
        UserError: one is missing or begins otherwise.
    """
    for identity, beginning in declared.items():
        if identity not in found:
            items = "documents" if what == "document" else "queries"
            raise UserError(f"data set {name}: golden item {identity!r} is not among its {items}; other data?")
        if not found[identity].startswith(beginning):
            raise UserError(
                f"data set {name}: {what} {identity!r} begins with {found[identity][: len(beginning)]!r}, "
                f"{beginning!r} is declared; other data?"
            )
