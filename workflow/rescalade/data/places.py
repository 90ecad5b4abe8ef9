"""Where something stands in the files of a source, for messages."""

from __future__ import annotations

from typing import Literal

from rescalade.data.streams import Where

What = Literal["documents", "queries", "judgements"]
ONE = {"documents": "document", "queries": "query", "judgements": "judgement"}


class Places:
    """Lines of a data set's files where its source knows them; else messages name the data set alone."""

    def __init__(self, name: str, where: Where | None, origin: str | None = None) -> None:
        self.name, self._where = name, where
        self.whole = f"data set {name}" if origin is None else f"data set {name} ({origin})"

    def at(self, what: What, **fields: str) -> str:
        """File and line of the first document, query or judgement with these fields; else the data set."""
        found = [] if self._where is None else self._where(what, **fields)
        return f"data set {self.name}: {found[0]}" if found else f"data set {self.name}"

    def twice(self, what: Literal["documents", "queries", "judgements"], shown: str, **fields: str) -> str:
        """That a document, query or judgement stands twice, with the lines of both."""
        found = [] if self._where is None else self._where(what, **fields)
        if len(found) < 2:
            return f"data set {self.name}: {ONE[what]} {shown} occurs more than once"
        return f"data set {self.name}: {found[1]}: {ONE[what]} {shown} stands in line {found[0].line} already"
