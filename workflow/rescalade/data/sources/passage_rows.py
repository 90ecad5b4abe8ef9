"""Reads rows with nested passages one after another: documents, queries, positives and triples of several negatives."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from rescalade.data.hash_set import HashSet
from rescalade.data.sources.failures import in_one_line, with_user_errors
from rescalade.data.sources.hub_files import fetch_files
from rescalade.data.streams import CollectionStreams, Document, Facts, Judgement, Query
from rescalade.data.text_hash import text_hash
from rescalade.errors import UserError
from rescalade.texts.json_lines import json_lines, text_field
from rescalade.texts.run_ids import unfit
from rescalade.texts.triple_files import TRIPLES

if TYPE_CHECKING:
    from rescalade.data.sources.passages import PassagesDataset

ROWS = 1024
"""Rows that are held at a time, with some 40 passages each."""


class Row(NamedTuple):
    """One query with its passages."""

    query: Query
    positives: list[Document]
    negatives: list[Document]


def open_passages(name: str, entry: PassagesDataset) -> CollectionStreams:
    """Documents, queries, positives and triples of rows with nested passages; nothing is held but ids in eight bytes.

    A passage is one document wherever its docid stands, a query one query; the first text of either counts. Every pair
    of a query and a positive gives a triple with each of the query's negatives.

    Raises:
        UserError: the data set or file is not there, cannot be fetched, or has another size; and, when a stream is
            read, a row is not in its form.
    """
    what, remedy = f"data set {name} ({entry.id or entry.path})", "fetch it again"
    details: dict[str, Any] = {}
    if entry.id is not None:
        remedy = "delete its folder in the hub's cache (`hf cache list`) and run again"
        try:
            folder = fetch_files(entry.id, entry.revision, [entry.file])
        except Exception as error:
            raise in_one_line(error, what, remedy) from error
        files, details = sorted(folder.glob(entry.file)), {"commit": folder.name}
    else:
        files = [path for path in entry.files() if path.is_file()]
    if not files:
        raise UserError(
            f"{what}: it has no file {entry.file}; correct datasets.{name}.{'file' if entry.id else 'path'}"
        )
    _check_size(what, files, entry.bytes)
    rows = _Rows(files, entry)
    return CollectionStreams(
        documents=with_user_errors(rows.documents, what, remedy),
        queries=with_user_errors(rows.queries, what, remedy),
        judgements=with_user_errors(rows.judgements, what, remedy),
        facts=Facts(
            origin=f"huggingface.co/datasets/{entry.id}" if entry.id else f"local files {entry.path}",
            details={"files": [path.name for path in files], **details},
        ),
        triples=with_user_errors(rows.triples, what, remedy),
    )


def _check_size(what: str, files: list[Path], expected: int | None) -> None:
    found = sum(path.stat().st_size for path in files)
    if expected not in (None, found):
        raise UserError(
            f"{what}: its files have {found:,} bytes, {expected:,} are declared; this is another version of the data, "
            "or the download is incomplete"
        )


class _Rows:
    """Streams over the rows of some files."""

    def __init__(self, files: list[Path], entry: PassagesDataset) -> None:
        self._files, self._shuffle, self._limit = files, entry.shuffle, entry.limit

    def documents(self) -> Iterator[Document]:
        """Each passage once."""
        return self._once(lambda row: [*row.positives, *row.negatives])

    def queries(self) -> Iterator[Query]:
        """Each query once."""
        return self._once(lambda row: [row.query])

    def judgements(self) -> Iterator[Judgement]:
        """Each pair of a query and a positive once."""
        seen = HashSet()
        for part in self._parts():
            pairs = [(row.query.id, passage.id) for row in part for passage in row.positives]
            new = seen.add([text_hash("\0".join(pair)) for pair in pairs])
            yield from (Judgement(*pair, 1) for pair in itertools.compress(pairs, new))

    def triples(self) -> Iterator[pa.RecordBatch]:
        """Rows of one negative each, in the order of the file or a drawn one."""
        for part in self._parts():
            triples = [
                (row.query.id, positive.id, negative)
                for row in part
                for negatives in (self._ordered(row),)
                for positive in row.positives
                for negative in negatives
            ]
            columns = list(zip(*triples, strict=True)) or [(), (), ()]
            yield pa.RecordBatch.from_arrays([pa.array(column, pa.string()) for column in columns], schema=TRIPLES)

    def _ordered(self, row: Row) -> list[str]:
        names = [passage.id for passage in row.negatives]

        def drawn(name: str) -> bytes:
            return hashlib.blake2b(f"{row.query.id}\0{name}".encode(), digest_size=8).digest()

        return sorted(names, key=drawn) if self._shuffle else names

    def _once(self, items: Callable[[Row], list[Any]]) -> Iterator[Any]:
        """Items of all rows, each id once."""
        seen = HashSet()
        for part in self._parts():
            found = [item for row in part for item in items(row)]
            yield from itertools.compress(found, seen.add([text_hash(item.id) for item in found]))

    def _parts(self) -> Iterator[list[Row]]:
        rows = itertools.islice(itertools.chain.from_iterable(map(_rows, self._files)), self._limit)
        while part := list(itertools.islice(rows, ROWS)):
            yield part


def _rows(path: Path) -> Iterator[Row]:
    """The rows of one file."""
    if path.suffix.lower() == ".parquet":
        return (_row(values, f"{path}, row {number}") for number, values in enumerate(_parquet_rows(path), 1))
    return (_row(values, str(place)) for place, values in json_lines(path))


def _parquet_rows(path: Path) -> Iterator[Mapping[str, Any]]:
    """The rows of a Parquet file as they are in it.

    Raises:
        UserError: it cannot be read, or is damaged.
    """
    try:
        with pq.ParquetFile(path, pre_buffer=False) as file:
            for batch in file.iter_batches(ROWS):
                yield from batch.to_pylist()
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise UserError(f"{path} cannot be read: {error.strerror}") from None
        why = " ".join(str(error).split())[:80]
        raise UserError(f"{path}: no Parquet file, or a damaged one ({why}); replace the file") from None


def _row(values: Mapping[str, Any], place: str) -> Row:
    """A row as it is in the file.

    Raises:
        UserError: a field is missing or of another type, or there is no positive passage.
    """
    query = Query(_id(values, "query_id", place), _text(values, "query", place))
    positives = _passages(values, "positive_passages", place)
    if not positives:
        raise UserError(f"{place}: query {query.id!r} has no positive passage; is this a file for training?")
    return Row(query, positives, _passages(values, "negative_passages", place))


def _passages(values: Mapping[str, Any], key: str, place: str) -> list[Document]:
    """The passages under a key, each docid once."""
    given = values.get(key)
    if not isinstance(given, list) or not all(isinstance(passage, dict) for passage in given):
        raise UserError(f"{place}: {key} is expected to be a list of passages, found {type(given).__name__}")
    found = [
        Document(
            _id(passage, "docid", place),
            text_field(passage, "title", place, missing=""),
            text_field(passage, "text", place),
        )
        for passage in given
    ]
    return list({passage.id: passage for passage in found}.values())


def _id(values: Mapping[str, Any], key: str, place: str) -> str:
    """An id that a run file can hold."""
    identity = text_field(values, key, place)
    if (mistake := unfit(identity)) is not None:
        raise UserError(f"{place}: {key} {identity!r} {mistake}; rename it")
    return identity


def _text(values: Mapping[str, Any], key: str, place: str) -> str:
    """A text that is not empty."""
    text = text_field(values, key, place)
    if not text.strip():
        raise UserError(f'{place}: {key} is expected to be a text, found ""')
    return text
