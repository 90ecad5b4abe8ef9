"""Training triplets from the Hugging Face hub: rows of texts, or rows of ids with the texts in subsets of their own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from rescalade.data.hash_set import HashSet
from rescalade.data.sources.failures import in_one_line, with_user_errors
from rescalade.data.sources.hub_files import fetch
from rescalade.data.streams import CollectionStreams, Document, Facts, Judgement, Query
from rescalade.data.text_hash import text_hash
from rescalade.errors import UserError
from rescalade.texts.json_lines import kind
from rescalade.texts.triple_files import TRIPLES

if TYPE_CHECKING:
    from rescalade.data.sources.hub import HubDataset

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


def open_hub_triples(name: str, entry: HubDataset) -> CollectionStreams:
    """Documents, queries, positives and triples of a data set on the hub.

    Triplets of texts: each different text becomes one document or query, named by its hash, so that a passage under
    two ids is one. Triplets of ids: the texts come from other subsets, and only those that the triplets use. A
    teacher's margin becomes positive_score 0 and negative_score -margin: MarginMSE and the KL divergence see
    differences alone.

    Raises:
        UserError: the set, its subset or its revision is not there or cannot be fetched, or its columns are strange.
    """
    what = f"data set {name} ({entry.id})"
    remedy = "delete its folder in the hub's cache (`hf cache list`) and run again"
    named = [] if entry.texts is None else [entry.texts.documents, entry.texts.queries]
    try:
        folder = fetch(entry.id, entry.revision, [entry.subset, *named])
        rows = _rows(folder, entry.subset, entry.part, entry.limit)
        columns = _columns(what, next(rows(), {}))
    except Exception as error:
        raise in_one_line(error, what, remedy) from error
    sound = _checked(what, rows, columns, by_id=bool(named))
    triplets = _Triplets(sound, columns, *(_rows(folder, subset, entry.part, None) for subset in named))
    return CollectionStreams(
        documents=with_user_errors(triplets.documents, what, remedy),
        queries=with_user_errors(triplets.queries, what, remedy),
        judgements=with_user_errors(triplets.judgements, what, remedy),
        facts=Facts(
            origin=f"huggingface.co/datasets/{entry.id}", details={"subset": entry.subset, "commit": folder.name}
        ),
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


def _checked(what: str, rows: Rows, columns: Columns, *, by_id: bool) -> Rows:
    """The same batches, each looked at before it is used.

    Raises:
        UserError: a query, positive or negative is no text (or id), or a margin no number; when they are read.
    """
    expected, types = ("an id", {str, int}) if by_id else ("a text", {str})
    wanted = dict.fromkeys((columns.query, columns.positive, *columns.negatives), (expected, types))
    if columns.margin is not None:
        wanted[columns.margin] = ("a number", {int, float})

    def read() -> Iterator[dict[str, list[Any]]]:
        done = 0
        for batch in rows():
            for name, (words, types) in wanted.items():
                if set(map(type, batch[name])) - types:
                    number, value = next(
                        item for item in enumerate(batch[name], done + 1) if type(item[1]) not in types
                    )
                    raise UserError(f"{what}: row {number}, column {name}: {words} is expected, found {kind(value)}")
            yield batch
            done += len(batch[columns.query])

    return read


class _Triplets:
    """Streams over the rows of a set of triplets of texts; or of ids, with subsets of documents and queries."""

    def __init__(
        self, rows: Rows, columns: Columns, named_documents: Rows | None = None, named_queries: Rows | None = None
    ) -> None:
        self._rows, self._columns = rows, columns
        self._named_documents, self._named_queries = named_documents, named_queries

    def _name(self, kind: str, value: Any) -> str:
        return f"{kind}{text_hash(value):016x}" if self._named_documents is None else str(value)

    def queries(self) -> Iterator[Query]:
        """Each different query."""
        return (Query(*item) for item in self._items("q", [self._columns.query], self._named_queries))

    def documents(self) -> Iterator[Document]:
        """Each different positive or negative."""
        items = self._items("d", [self._columns.positive, *self._columns.negatives], self._named_documents)
        return (Document(identity, "", text) for identity, text in items)

    def judgements(self) -> Iterator[Judgement]:
        """Each different pair of a query and its positive."""
        seen = HashSet()
        for batch in self._rows():
            pairs = [
                (self._name("q", query), self._name("d", positive))
                for query, positive in zip(batch[self._columns.query], batch[self._columns.positive], strict=True)
            ]
            new = seen.add([text_hash("\0".join(pair)) for pair in pairs])
            yield from (Judgement(*pair, 1) for pair in itertools.compress(pairs, new))

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

    def _items(self, kind: str, columns: list[str], named: Rows | None) -> Iterator[tuple[str, str]]:
        """Id and text of each different item of some columns; where they hold ids, out of a subset of (id, text)."""
        met = HashSet()
        for batch in self._rows():
            values = [value for name in columns for value in batch[name]]
            new = met.add([text_hash(str(value)) for value in values])
            if named is None:
                yield from ((self._name(kind, text), text) for text in itertools.compress(values, new))
        for batch in () if named is None else named():
            identities, texts = list(batch.values())[:2]
            used = met.contains([text_hash(str(identity)) for identity in identities])
            items = itertools.compress(zip(identities, texts, strict=True), used)
            yield from ((str(identity), text) for identity, text in items)
