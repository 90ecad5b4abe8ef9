"""Training triplets from the Hugging Face hub: rows of texts, or rows of ids with the texts in subsets of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from rescalade.data.hash_set import HashSet, text_hash
from rescalade.data.sources.failures import in_one_line, with_user_errors
from rescalade.data.sources.hub_files import fetch
from rescalade.data.streams import CollectionStreams, Document, Facts, Judgement, Query
from rescalade.errors import UserError
from rescalade.texts.triple_files import TRIPLES

ROWS = 4096
SCORED = TRIPLES.append(pa.field("positive_score", pa.float64())).append(pa.field("negative_score", pa.float64()))
Rows = Callable[[], Iterator[dict[str, list[Any]]]]


@dataclass(frozen=True)
class Columns:
    """Names of the columns of a set of triplets; margin is the teacher's score of the positive less the negative's."""

    query: str
    positive: str
    negatives: list[str]
    margin: str | None


def open_hub_triples(
    name: str, identity: str, revision: str, subset: str, texts: Sequence[str], split: str, limit: int | None
) -> CollectionStreams:
    """Documents, queries, positives and triples of a data set on the hub.

    Triplets of texts: each different text becomes one document or query, named by its hash, so that a passage under
    two ids is one. Triplets of ids: the texts come from other subsets, and only those that the triplets use. A
    teacher's margin becomes positive_score 0 and negative_score -margin: MarginMSE and the KL divergence see
    differences alone.

    Args:
        name: of the data set, for messages.
        identity: owner/name on the hub, at the commit `revision`.
        subset: of it, the one with the triplets.
        texts: for triplets of ids the subsets with documents and queries.
        split: of each subset.
        limit: at most so many triplets.

    Raises:
        UserError: the set, its subset or its revision is not there or cannot be fetched, or its columns are strange.
    """
    what = f"data set {name} ({identity})"
    remedy = "delete its folder in the hub's cache (`hf cache list`) and run again"
    wanted = [subset, *texts]
    try:
        folder = fetch(identity, revision, wanted)
        rows = [_rows(folder, part, split, limit if n == 0 else None) for n, part in enumerate(wanted)]
        columns = _columns(what, next(rows[0](), {}))
    except Exception as error:
        raise in_one_line(error, what, remedy) from error
    triplets = _Triplets(rows[0], columns, by_id=bool(texts))
    if texts:
        documents, queries = triplets.named_documents(rows[1]), triplets.named_queries(rows[2])
    else:
        documents, queries = triplets.documents, triplets.queries
    return CollectionStreams(
        documents=with_user_errors(documents, what, remedy),
        queries=with_user_errors(queries, what, remedy),
        judgements=with_user_errors(triplets.judgements, what, remedy),
        facts=Facts(origin=f"huggingface.co/datasets/{identity}", details={"subset": subset, "commit": folder.name}),
        triples=with_user_errors(triplets.triples, what, remedy),
    )


def _rows(folder: Path, subset: str, split: str, limit: int | None) -> Rows:
    """Batches of a subset's rows, column by column, read from the files without holding them."""

    def read() -> Iterator[dict[str, list[Any]]]:
        import datasets

        stream = datasets.load_dataset(str(folder), subset, split=split, streaming=True)
        left = limit
        for batch in stream.iter(ROWS):
            if left is None:
                yield batch
                continue
            yield {key: values[:left] for key, values in batch.items()}
            left -= min(left, len(next(iter(batch.values()))))
            if not left:
                return

    return read


def _columns(what: str, first: Mapping[str, list[Any]]) -> Columns:
    """Which column is what, by name.

    Raises:
        UserError: there is no query, positive or negative.
    """

    def named(*names: str) -> str | None:
        return next((name for name in names if name in first), None)

    query, positive = named("query", "query_id", "anchor"), named("positive", "positive_id")
    negatives = [name for name in first if name == "negative" or name.startswith("negative_")]
    if query is None or positive is None or not negatives:
        found = ", ".join(first) or "none"
        raise UserError(f"{what}: columns query, positive and negative are expected, found {found}; another subset?")
    return Columns(query, positive, negatives, named("score", "margin"))


class _Triplets:
    """Streams over the rows of a set of triplets."""

    def __init__(self, rows: Rows, columns: Columns, by_id: bool) -> None:
        self._rows, self._columns, self._by_id = rows, columns, by_id

    def _name(self, kind: str, value: Any) -> str:
        return str(value) if self._by_id else f"{kind}{text_hash(value):016x}"

    def queries(self) -> Iterator[Query]:
        """Each different query text."""
        for text in self._different([self._columns.query]):
            yield Query(self._name("q", text), text)

    def documents(self) -> Iterator[Document]:
        """Each different text of a positive or negative."""
        for text in self._different([self._columns.positive, *self._columns.negatives]):
            yield Document(self._name("d", text), "", text)

    def judgements(self) -> Iterator[Judgement]:
        """Each different pair of a query and its positive."""
        seen = HashSet()
        for batch in self._rows():
            pairs = [
                (self._name("q", query), self._name("d", positive))
                for query, positive in zip(batch[self._columns.query], batch[self._columns.positive], strict=True)
            ]
            new = seen.add([text_hash("\0".join(pair)) for pair in pairs])
            yield from (Judgement(*pair, 1) for pair, is_new in zip(pairs, new, strict=True) if is_new)

    def triples(self) -> Iterator[pa.RecordBatch]:
        """Rows of one negative each."""
        columns = self._columns
        for batch in self._rows():
            queries = [self._name("q", value) for value in batch[columns.query]]
            positives = [self._name("d", value) for value in batch[columns.positive]]
            count = len(columns.negatives)
            negatives = [
                self._name("d", value)
                for row in zip(*(batch[name] for name in columns.negatives), strict=True)
                for value in row
            ]
            table: dict[str, list[Any]] = {
                "query_id": [value for value in queries for _ in range(count)],
                "positive_id": [value for value in positives for _ in range(count)],
                "negative_id": negatives,
            }
            if columns.margin is not None:
                table["positive_score"] = [0.0] * len(negatives)
                table["negative_score"] = [-float(margin) for margin in batch[columns.margin] for _ in range(count)]
            yield pa.RecordBatch.from_pydict(table, schema=TRIPLES if columns.margin is None else SCORED)

    def named_documents(self, texts: Rows) -> Callable[[], Iterator[Document]]:
        """Documents whose ids the triplets use, from a subset of (id, text)."""
        columns = [self._columns.positive, *self._columns.negatives]
        return lambda: (Document(identity, "", text) for identity, text in self._named(texts, columns))

    def named_queries(self, texts: Rows) -> Callable[[], Iterator[Query]]:
        """Queries whose ids the triplets use, from a subset of (id, text)."""
        return lambda: (Query(identity, text) for identity, text in self._named(texts, [self._columns.query]))

    def _different(self, columns: list[str]) -> Iterator[str]:
        seen = HashSet()
        for batch in self._rows():
            texts = [text for name in columns for text in batch[name]]
            new = seen.add([text_hash(text) for text in texts])
            yield from (text for text, is_new in zip(texts, new, strict=True) if is_new)

    def _named(self, texts: Rows, columns: list[str]) -> Iterator[tuple[str, str]]:
        used = HashSet()
        for batch in self._rows():
            used.add([text_hash(str(value)) for name in columns for value in batch[name]])
        for batch in texts():
            identities, values = list(batch.values())[:2]
            keep = used.contains([text_hash(str(identity)) for identity in identities])
            yield from (
                (str(identity), value)
                for identity, value, is_used in zip(identities, values, keep, strict=True)
                if is_used
            )
