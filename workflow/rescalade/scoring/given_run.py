"""TREC run files that others have written: read whatever the order of their lines, and checked for what they name."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from rescalade.errors import UserError
from rescalade.scoring.runfile import Hit
from rescalade.texts.text_lines import text_lines

COLUMNS = 6
MOST_UNKNOWN = 0.5
"""Share of the documents of what others have made that may be of another corpus before it is refused."""


@dataclass(frozen=True)
class GivenRun:
    """A run: hits by query, best first. ties: hits whose score is that of the hit before them."""

    hits: Mapping[str, list[Hit]]
    ties: int


def read_given_run(path: Path) -> GivenRun:
    """Read a file of lines `query Q0 document rank score tag`, separated by blanks or tabs, plain or gzipped.

    Documents are ordered by score, the highest first; equal scores by rank, the lowest first, then by their lines.

    Raises:
        UserError: the file is missing, a line is not in the format, or a query names a document twice.
    """
    found: dict[str, dict[str, tuple[float, float, int]]] = {}
    for place, line in text_lines(path):
        words = line.split()
        if len(words) != COLUMNS:
            raise UserError(
                f"{place}: {len(words)} columns found, the 6 of a TREC run are expected: query, Q0, document, rank, "
                f"score, tag: {line[:40]!r}"
            )
        query, document, number = words[0], words[2], place.line
        try:
            rank, score = float(words[3]), float(words[4])
        except ValueError:
            raise UserError(
                f"{place}: rank and score are expected as columns 4 and 5, found {words[3]!r} and {words[4]!r}"
            ) from None
        if not math.isfinite(score):
            raise UserError(f"{place}: score {words[4]!r} is not a finite number")
        known = found.setdefault(query, {})
        if document in known:
            raise UserError(
                f"{place}: query {query!r} names document {document!r} twice, in line "
                f"{known[document][2]} already; keep one of them"
            )
        known[document] = -score, rank, number
    if not found:
        raise UserError(f"{path}: no line is in it; expected a TREC run")
    hits, ties = {}, 0
    for query, documents in found.items():
        ordered = sorted(documents.items(), key=lambda item: item[1])
        hits[query] = [(document, -place[0]) for document, place in ordered]
        ties += sum(first[1] == second[1] for first, second in zip(hits[query], hits[query][1:], strict=False))
    return GivenRun(hits, ties)


def unknown_queries(run: GivenRun, queries: Collection[str]) -> int:
    """How many of its queries a data set does not have."""
    return sum(query not in queries for query in run.hits)


def unknown_documents(run: GivenRun, documents: Collection[str]) -> int:
    """How many different documents it names that a data set does not have."""
    return len({document for hits in run.hits.values() for document, _ in hits if document not in documents})
