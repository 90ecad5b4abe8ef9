"""The rules that a data set's entry declares for documents and grades, and what it says must be found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from rescalade.data.streams import Document, Judgement
from rescalade.errors import UserError

Titles = Literal["prepend", "once", "none"]


@dataclass(frozen=True)
class Rules:
    """How documents and grades of a source become those of the collection.

    titles: prepend keeps title and text; once takes the title off the beginning of a text that repeats it (Cranfield);
        none drops titles.
    gains: grade of the source -> grade that is used; others stay.
    """

    titles: Titles = "prepend"
    gains: Mapping[int, int] = field(default_factory=dict)

    def document(self, given: Document) -> Document:
        """A document by the title rule; text without white space at its ends."""
        title, text = given.title.strip(), given.text.strip()
        if self.titles == "none":
            title = ""
        elif self.titles == "once":
            head, words = title.split(), text.split()  # lines may be broken elsewhere
            if head and words[: len(head)] == head:
                text = " ".join(words[len(head) :])
        return Document(given.id, title, text)

    def judgement(self, given: Judgement) -> Judgement:
        """A judgement with the grade that is used."""
        return given._replace(grade=self.gains.get(given.grade, given.grade))


@dataclass(frozen=True)
class Expected:
    """What an entry declares to be there: counts by name (documents, queries, judgements), and how texts begin."""

    counts: Mapping[str, int] = field(default_factory=dict)
    documents: Mapping[str, str] = field(default_factory=dict)
    queries: Mapping[str, str] = field(default_factory=dict)

    def check_counts(self, name: str, found: Mapping[str, int]) -> None:
        """Compare numbers.

        Raises:
            UserError: one differs.
        """
        for what, number in self.counts.items():
            if found[what] != number:
                raise UserError(
                    f"data set {name}: {found[what]:,} {what} arrived, {number:,} are declared; this is another "
                    f"version of the data, or the download is incomplete (datasets.{name}.{what})"
                )

    def check_golden(self, name: str, what: str, found: Mapping[str, str]) -> None:
        """Compare beginnings of texts.

        Args:
            what: documents or queries.
            found: text by id, of those that are declared and were met.

        Raises:
            UserError: one is missing or begins otherwise.
        """
        for identity, beginning in (self.documents if what == "documents" else self.queries).items():
            if identity not in found:
                raise UserError(f"data set {name}: golden item {identity!r} is not among its {what}; other data?")
            if not found[identity].startswith(beginning):
                raise UserError(
                    f"data set {name}: {what[:-1] if what != 'queries' else 'query'} {identity!r} begins with "
                    f"{found[identity][: len(beginning)]!r}, {beginning!r} is declared; other data?"
                )
