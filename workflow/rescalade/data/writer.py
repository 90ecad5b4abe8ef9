"""Writes a collection from streams, checking it on the way; a corpus of any size passes through in parts."""

from __future__ import annotations

import itertools
import logging
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from rescalade.atomic import atomic_file, sha256
from rescalade.collection_manifest import CollectionManifest, CollectionProtocol
from rescalade.collection_manifest import Counts as DataCounts
from rescalade.data.hash_set import HashSet, text_hash
from rescalade.data.rules import Expected, Rules
from rescalade.data.streams import CollectionStreams, Document, Facts, Judgement, Query
from rescalade.errors import UserError
from rescalade.progress import Progress
from rescalade.texts.collection import (
    BATCH_DOCUMENTS,
    CORPUS,
    QRELS,
    QUERIES,
    document_batches,
)
from rescalade.texts.triple_files import GIVEN, TRIPLES

logger = logging.getLogger(__name__)
Item = TypeVar("Item", bound=NamedTuple)


@dataclass
class Counts:
    """What was met: numbers of documents, queries, judgements and triples, queries by group, and oddities."""

    numbers: dict[str, int] = field(default_factory=dict)
    groups: dict[str, int] = field(default_factory=dict)
    empty_documents: int = 0
    judged_but_missing: int = 0
    repeated_judgements: int = 0


def write_streams(
    folder: Path,
    name: str,
    streams: CollectionStreams,
    facts: Facts | None = None,
    *,
    rules: Rules | None = None,
    expected: Expected | None = None,
    progress: Progress | None = None,
    shared: Path | None = None,
) -> None:
    """Write corpus, queries, judgements, triples, and then the manifest with counts and digests.

    Of a set that brings no triples their table is empty.

    Memory holds `BATCH_DOCUMENTS` documents, the judgements, and eight bytes for each id. Nothing appears in the
    folder before everything has been checked.

    Args:
        name: of the data set, for messages.
        facts: what the data set's entry says of it, besides what its source says.
        shared: folder of a data set with the same documents; its corpus is linked, the source's is not read.

    Raises:
        UserError: an id is repeated or empty, a query has no text, there is no query, document or judgement, a
            judgement names an unknown query (or document, where the source is strict, or is there twice), or something
            differs from what is expected.
    """
    writer = _Writer(name, rules or Rules(), expected or Expected(), progress)
    with ExitStack() as stack:
        parts = {
            file: stack.enter_context(atomic_file(folder / file))
            for file in ("corpus.parquet", "queries.parquet", "qrels.parquet", GIVEN)
        }
        writer.write(streams, parts, shared)
        digests = {file: sha256(path) for file, path in parts.items()}
    found, counts, own = streams.facts, writer.counts, facts or Facts()
    CollectionManifest(
        dataset=name,
        origin=own.origin or found.origin,
        licence=own.licence or found.licence,
        link=own.link or found.link,
        packages=found.packages,
        protocol=_protocol(own.protocol, found.protocol),
        details=found.details,
        counts=DataCounts(
            documents=counts.numbers["documents"],
            queries=counts.numbers["queries"],
            judgements=counts.numbers["judgements"],
            triples=counts.numbers.get("triples"),
        ),
        groups=counts.groups,
        brings_triples=streams.triples is not None,
        empty_documents=counts.empty_documents,
        judged_but_missing=counts.judged_but_missing,
        repeated_judgements=counts.repeated_judgements,
        sha256=digests,
    ).write(folder / "manifest.json")


def _protocol(entry: CollectionProtocol | None, source: CollectionProtocol | None) -> CollectionProtocol:
    """What the entry says, unless the source says otherwise."""
    said: dict[str, Any] = dict.fromkeys(CollectionProtocol.model_fields)
    for part in (entry, source):
        said |= {} if part is None else part.model_dump(exclude_none=True)
    return CollectionProtocol(**said)


class _Writer:
    def __init__(self, name: str, rules: Rules, expected: Expected, progress: Progress | None) -> None:
        self._name, self._rules, self._expected, self._progress = name, rules, expected, progress
        self.counts = Counts()

    def write(self, streams: CollectionStreams, parts: Mapping[str, Path], shared: Path | None) -> None:
        judgements = self._given([self._rules.judgement(given) for given in streams.judgements()], streams.strict)
        if not judgements:
            raise UserError(
                f"data set {self._name}: it has no relevance judgements, so nothing can be scored or trained on; "
                "choose one that has them"
            )
        queries = {judgement.query for judgement in judgements}
        self._queries(streams.queries(), parts["queries.parquet"], queries)
        documents = {judgement.document for judgement in judgements}
        if shared is None:
            self._documents(streams.documents(), parts["corpus.parquet"], documents)
        else:
            self._linked(shared, parts["corpus.parquet"], documents)
        self._judgements(judgements, documents, streams.strict, parts["qrels.parquet"])
        # a declared number of judgements is that of the source's lines, repeated ones among them
        lines = self.counts.numbers["judgements"] + self.counts.repeated_judgements
        self._expected.check_counts(self._name, {**self.counts.numbers, "judgements": lines})
        if streams.triples is None:
            pq.write_table(TRIPLES.empty_table(), parts[GIVEN])
        else:
            self._triples(streams.triples(), parts[GIVEN])

    def _given(self, judgements: list[Judgement], strict: bool) -> list[Judgement]:
        """Judgements without repeated ones, of which the first counts; a strict source may have none."""
        first: dict[tuple[str, str], Judgement] = {}
        for judgement in judgements:
            first.setdefault((judgement.query, judgement.document), judgement)
        self.counts.repeated_judgements = len(judgements) - len(first)
        if strict and len(first) < len(judgements):
            raise UserError(f"data set {self._name}: {self.counts.repeated_judgements} judgements are there twice")
        return list(first.values())

    def _documents(self, given: Iterable[Document], path: Path, wanted: set[str]) -> None:
        """Write the corpus; `wanted` loses the ids that are met."""
        golden: dict[str, str] = {}
        total = self._expected.counts.get("documents", 0)
        seen, done = HashSet(), 0
        with pq.ParquetWriter(path, CORPUS, compression="zstd") as file:
            for part in _parts(map(self._rules.document, given), BATCH_DOCUMENTS):
                self._check_ids("document", part, seen)
                for document in part:
                    self.counts.empty_documents += not (document.title or document.text)
                    wanted.discard(document.id)
                    if document.id in self._expected.documents:
                        golden[document.id] = f"{document.title} {document.text}".strip()
                file.write_batch(_batch(part, CORPUS))
                done += len(part)
                if self._progress is not None:
                    self._progress(done, max(total, done), {})
        if not done:
            raise UserError(f"data set {self._name}: it has no documents")
        self.counts.numbers["documents"] = done
        self._expected.check_golden(self._name, "documents", golden)

    def _linked(self, shared: Path, path: Path, wanted: set[str]) -> None:
        """Link the corpus of another data set; `wanted` loses the ids that are met."""
        done = 0
        for batch in document_batches(shared):
            wanted.difference_update(batch.column("id").to_pylist())
            done += batch.num_rows
        self.counts.numbers["documents"] = done
        try:
            os.link(shared / "corpus.parquet", path)
        except OSError:  # another file system, or one without links
            shutil.copyfile(shared / "corpus.parquet", path)

    def _queries(self, given: Iterable[Query], path: Path, wanted: set[str]) -> None:
        """Write the queries; `wanted` loses the ids that are met and must be empty then."""
        golden: dict[str, str] = {}
        seen, done = HashSet(), 0
        with pq.ParquetWriter(path, QUERIES, compression="zstd") as file:
            for part in _parts(given, BATCH_DOCUMENTS):
                self._check_ids("query", part, seen)
                for query in part:
                    if not query.text.strip():
                        raise UserError(f"data set {self._name}: query {query.id!r} has no text")
                    wanted.discard(query.id)
                    if query.group:
                        self.counts.groups[query.group] = self.counts.groups.get(query.group, 0) + 1
                    if query.id in self._expected.queries:
                        golden[query.id] = query.text
                file.write_batch(_batch(part, QUERIES))
                done += len(part)
        if wanted:
            raise UserError(
                f"data set {self._name}: judgement names query {min(wanted)!r}, which is not among its queries"
            )
        self.counts.numbers["queries"] = done
        self._expected.check_golden(self._name, "queries", golden)

    def _judgements(self, judgements: list[Judgement], missing: set[str], strict: bool, path: Path) -> None:
        if missing and strict:
            raise UserError(
                f"data set {self._name}: judgement names document {min(missing)!r}, which is not in its corpus"
            )
        if missing:
            logger.warning(
                "data set %s: %d judged documents are not in its corpus; their judgements stay",
                self._name,
                len(missing),
            )
        self.counts.judged_but_missing = len(missing)
        with pq.ParquetWriter(path, QRELS, compression="zstd") as file:
            for part in _parts(judgements, BATCH_DOCUMENTS):
                file.write_batch(_batch(part, QRELS))
        self.counts.numbers["judgements"] = len(judgements)

    def _triples(self, batches: Iterator[pa.RecordBatch], path: Path) -> None:
        first = next(batches, None)
        if first is None:
            raise UserError(f"data set {self._name}: it has no training triples")
        done = 0
        with pq.ParquetWriter(path, first.schema, compression="zstd") as file:
            for batch in itertools.chain([first], batches):
                file.write_batch(batch)
                done += batch.num_rows
        self.counts.numbers["triples"] = done

    def _check_ids(self, what: str, part: list[Any], seen: HashSet) -> None:
        ids = [item.id for item in part]
        if not all(ids):
            raise UserError(f"data set {self._name}: a {what} has an empty id")
        new = seen.add([text_hash(identity) for identity in ids])
        if not new.all():
            raise UserError(
                f"data set {self._name}: {what} id {ids[int((~new).argmax())]!r} occurs more than once; "
                "ids must be unique"
            )


def _parts(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    stream = iter(items)
    while part := list(itertools.islice(stream, size)):
        yield part


def _batch(part: list[Any], schema: pa.Schema) -> pa.RecordBatch:
    columns = zip(*part, strict=True)
    return pa.record_batch([pa.array(column, kind) for column, kind in zip(columns, schema.types, strict=True)], schema)
