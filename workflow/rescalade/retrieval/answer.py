"""The answer to one question: ranked documents, and why each was found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rescalade.errors import UserError, let_refusals_through
from rescalade.retrieval.index import InvertedIndex
from rescalade.retrieval.search import search
from rescalade.vectors.vectors import SparseVectors

SNIPPET = 240
"""Characters of a document that are shown."""


@dataclass(frozen=True)
class Matched:
    """A term that query and document share, by its name; the score of a document is the sum of the products."""

    term: str
    query: float
    document: float
    product: float


@dataclass(frozen=True)
class Answer:
    """One document. matched: all common terms, the largest product first. snippet: None where texts are not known."""

    rank: int
    id: str
    score: float
    matched: list[Matched]
    snippet: str | None


def answers(
    index: InvertedIndex, query: SparseVectors, top: int, name: Callable[[int], str], corpus: Path | None = None
) -> list[Answer]:
    """The best documents for the first query.

    Args:
        name: the word for a term number.
        corpus: Parquet file with id, title and text, for the snippets.
    """
    ((numbers, scores),) = search(index, query, top)
    ids = index.names(numbers)
    texts = _texts(corpus, ids) if corpus is not None else {}
    return [
        Answer(
            rank,
            ids[rank - 1],
            float(scores[rank - 1]),
            _shared(index, query, number, name),
            texts.get(ids[rank - 1]),
        )
        for rank, number in enumerate(numbers.tolist(), 1)
    ]


def _shared(index: InvertedIndex, query: SparseVectors, document: int, name: Callable[[int], str]) -> list[Matched]:
    """The terms of the first query that a document has, the largest product first, ties by term number."""
    block = int(np.searchsorted(index.first, document, side="right")) - 1
    local = document - int(index.first[block])
    found = []
    for entry in range(int(query.offsets[0]), int(query.offsets[1])):
        term = int(query.terms[entry])
        start, stop = index.offsets[block, term : term + 2].tolist()
        place = start + int(np.searchsorted(index.documents[start:stop], local))
        if place < stop and index.documents[place] == local:
            asked, held = float(query.weights[entry]), float(index.weights[place])
            found.append(Matched(name(term), asked, held, asked * held))
    return sorted(found, key=lambda shared: -shared.product)  # terms of a query ascend, and sorting keeps their order


def _texts(corpus: Path, ids: list[str]) -> dict[str, str]:
    """Snippets of some documents; the file is filtered as it is read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows: list[dict[str, Any]] = pq.read_table(corpus, filters=[("id", "in", ids)]).to_pylist() if ids else []
    except (OSError, pa.ArrowException) as error:
        let_refusals_through(error)
        raise UserError(f"{corpus}: cannot be read as Parquet with a column id ({error})") from None
    return {row["id"]: _snippet(f"{row.get('title') or ''} {row.get('text') or ''}") for row in rows}


def _snippet(text: str) -> str:
    whole = " ".join(text.split())
    return whole if len(whole) <= SNIPPET else whole[: SNIPPET - 1].rstrip() + "…"
