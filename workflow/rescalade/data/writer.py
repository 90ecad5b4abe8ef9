"""Writes a collection from streams, checking it on the way; a corpus of any size passes through in parts."""

from __future__ import annotations

import itertools
import logging
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from rescalade.atomic import atomic_file, sha256
from rescalade.collection_manifest import CollectionManifest, CollectionProtocol, Counts
from rescalade.data.dataset_config import DatasetConfig
from rescalade.data.hash_set import HashSet
from rescalade.data.judgements import queries_without_relevant, used_judgements
from rescalade.data.places import ONE, Places, What
from rescalade.data.rules import by_title_rule, check_counts, check_golden
from rescalade.data.streams import CollectionStreams, Document, Judgement, Query
from rescalade.data.text_hash import text_hash
from rescalade.errors import UserError
from rescalade.progress import Progress
from rescalade.texts.collection import BATCH_DOCUMENTS, CORPUS, FILES, QRELS, QUERIES, document_batches
from rescalade.texts.run_ids import unfit
from rescalade.texts.triple_files import GIVEN, TRIPLES

logger = logging.getLogger(__name__)
Item = TypeVar("Item", bound=NamedTuple)


TITLES = {
    "prepend": "title, space, text",
    "once": "title, space, text, the title not twice",
    "none": "text without title",
}
"""What of title and text is a document, in words, by the entry's rule."""


def write_streams(
    folder: Path,
    name: str,
    entry: DatasetConfig,
    streams: CollectionStreams,
    shared: Path | None = None,
    progress: Progress | None = None,
) -> None:
    """Write corpus, queries, judgements, triples, and then the manifest with counts and digests.

    Of a set that brings no triples their table is empty.

    Memory holds `BATCH_DOCUMENTS` documents, the judgements, and eight bytes for each id. Nothing appears in the
    folder before everything has been checked.

    Args:
        name: of the data set, for messages.
        entry: what decides documents and grades, and what must be found.
        shared: folder of a data set with the same documents; its corpus is linked, the source's is not read.

    Raises:
        UserError: an id is repeated or fits no run file, a query has no text, there is no query, document or
            judgement, a judgement names an unknown query (or document, or is there twice, where entry or source refuse
            that), a grade is out of bounds, or something differs from what the entry declares.
    """
    writer = _Writer(name, entry, progress, Places(name, streams.where, streams.facts.origin))
    with ExitStack() as stack:
        parts = {file: stack.enter_context(atomic_file(folder / file)) for file in (*FILES, GIVEN)}
        writer.write(streams, parts, shared)
        digests = {file: sha256(path) for file, path in parts.items()}
    facts = streams.facts
    CollectionManifest(
        dataset=name,
        origin=facts.origin,
        licence=entry.licence or facts.licence,
        link=entry.link or facts.link,
        packages=facts.packages,
        protocol=_protocol(entry, facts.protocol),
        details=facts.details,
        counts=Counts(**writer.numbers, triples=writer.triples),
        groups=writer.groups,
        brings_triples=streams.triples is not None,
        empty_documents=writer.empty_documents,
        judged_but_missing=writer.judged_but_missing,
        repeated_judgements=writer.repeated_judgements,
        repeated=writer.repeated,
        without_relevant=writer.without_relevant,
        without_relevant_dropped=entry.without_relevant == "drop",
        sha256=digests,
    ).write(folder / "manifest.json")


def _protocol(entry: DatasetConfig, source: CollectionProtocol | None) -> CollectionProtocol:
    """What the entry says, unless the source says otherwise."""
    grades = {str(grade): gain for grade, gain in entry.gains.items()} or None
    said = CollectionProtocol(document=TITLES[entry.titles], grades=grades, judgements=None, candidates=None)
    return said if source is None else said.model_copy(update=source.model_dump(exclude_none=True))


class _Writer:
    """Writes the tables and counts what is met: items by kind, triples if any, queries by group, and oddities."""

    def __init__(self, name: str, entry: DatasetConfig, progress: Progress | None, places: Places) -> None:
        self._name, self._entry, self._progress, self._places = name, entry, progress, places
        self.numbers: dict[str, int] = {}
        self.triples: int | None = None
        self.groups: dict[str, int] = {}
        self.empty_documents = self.judged_but_missing = self.repeated_judgements = self.without_relevant = 0
        self.repeated: Literal["first", "best", "last"] | None = None

    def write(self, streams: CollectionStreams, parts: Mapping[str, Path], shared: Path | None) -> None:
        judgements, dropped = self._given(streams.judgements(), streams.strict)
        judged = {judgement.query for judgement in judgements}
        self._queries(
            (query for query in streams.queries() if query.id not in dropped), parts["queries.parquet"], judged
        )
        documents = {judgement.document for judgement in judgements}
        if shared is None:
            self._documents(streams.documents(), parts["corpus.parquet"], documents)
        else:
            self._linked(shared, parts["corpus.parquet"], documents)
        missing = self._entry.missing_documents or ("refuse" if streams.strict else "keep")
        self._judgements(judgements, documents, missing == "refuse", parts["qrels.parquet"])
        arrived = {"judgements": self._lines, "queries": self.numbers["queries"] + self._dropped}
        check_counts(self._name, self._entry, {**self.numbers, **arrived})
        if streams.triples is None:
            pq.write_table(TRIPLES.empty_table(), parts[GIVEN])
        else:
            self._triples(streams.triples(), parts[GIVEN])

    def _given(self, given: Iterable[Judgement], strict: bool) -> tuple[list[Judgement], set[str]]:
        """Judgements by the rules of the entry, else of the source, and the queries that a rule leaves out."""
        rule = self._entry.repeated_judgements or ("refuse" if strict else "first")
        judgements, self.repeated_judgements = used_judgements(given, self._entry.gains, rule, self._places)
        if self.repeated_judgements and rule != "refuse":
            self.repeated = rule
        if not judgements:
            raise UserError(
                f"{self._places.whole}: it has no relevance judgements, so nothing can be scored or trained on; "
                "choose one that has them"
            )
        lacking = queries_without_relevant(judgements)
        self.without_relevant = len(lacking)
        dropped = lacking if self._entry.without_relevant == "drop" else set[str]()
        kept = [judgement for judgement in judgements if judgement.query not in dropped]
        if not kept:
            raise UserError(
                f"{self._places.whole}: no query has a relevant document, a grade of 1 or more; see `gains` and "
                "`without_relevant` of its entry"
            )
        # declared numbers are those of the source: of its lines, repeated ones among them, and of all its queries
        self._lines, self._dropped = len(judgements) + self.repeated_judgements, len(dropped)
        return kept, dropped

    def _documents(self, given: Iterable[Document], path: Path, wanted: set[str]) -> None:
        """Write the corpus; `wanted` loses the ids that are met."""
        golden: dict[str, str] = {}
        expected, total = self._entry.golden.documents, self._entry.documents or 0
        seen, done = HashSet(), 0
        with pq.ParquetWriter(path, CORPUS, compression="zstd") as file:
            for part in _parts(map(partial(by_title_rule, self._entry.titles), given), BATCH_DOCUMENTS):
                self._check_ids("documents", part, seen)
                for document in part:
                    self.empty_documents += not (document.title or document.text)
                    wanted.discard(document.id)
                    if document.id in expected:
                        golden[document.id] = f"{document.title} {document.text}".strip()
                file.write_batch(_batch(part, CORPUS))
                done += len(part)
                if self._progress is not None:
                    self._progress(done, max(total, done), {})
        if not done:
            raise UserError(f"{self._places.whole}: it has no documents")
        self.numbers["documents"] = done
        check_golden(self._name, "document", expected, golden)

    def _linked(self, shared: Path, path: Path, wanted: set[str]) -> None:
        """Link the corpus of another data set; `wanted` loses the ids that are met."""
        done = 0
        for batch in document_batches(shared):
            wanted.difference_update(batch.column("id").to_pylist())
            done += batch.num_rows
        self.numbers["documents"] = done
        try:
            os.link(shared / "corpus.parquet", path)
        except OSError:  # another file system, or one without links
            shutil.copyfile(shared / "corpus.parquet", path)

    def _queries(self, given: Iterable[Query], path: Path, wanted: set[str]) -> None:
        """Write the queries; `wanted` loses the ids that are met and must be empty then."""
        golden: dict[str, str] = {}
        expected = self._entry.golden.queries
        seen, done = HashSet(), 0
        with pq.ParquetWriter(path, QUERIES, compression="zstd") as file:
            for part in _parts(given, BATCH_DOCUMENTS):
                self._check_ids("queries", part, seen)
                for query in part:
                    if not query.text.strip():
                        place = self._places.at("queries", id=query.id)
                        raise UserError(f"{place}: query {query.id!r} has no text")
                    wanted.discard(query.id)
                    if query.group:
                        self.groups[query.group] = self.groups.get(query.group, 0) + 1
                    if query.id in expected:
                        golden[query.id] = query.text
                file.write_batch(_batch(part, QUERIES))
                done += len(part)
        if wanted:
            first = min(wanted)
            place = self._places.at("judgements", query=first)
            raise UserError(f"{place}: judgement names query {first!r}, which is not among its queries")
        self.numbers["queries"] = done
        check_golden(self._name, "query", expected, golden)

    def _judgements(self, judgements: list[Judgement], missing: set[str], strict: bool, path: Path) -> None:
        if missing and strict:
            first = min(missing)
            raise UserError(
                f"{self._places.at('judgements', document=first)}: judgement names document {first!r}, which is not in "
                f"its corpus; datasets.{self._name}.missing_documents: keep takes judgements over a larger one"
            )
        if missing:
            logger.warning(
                "data set %s: %d judged documents are not in its corpus; their judgements stay",
                self._name,
                len(missing),
            )
        self.judged_but_missing = len(missing)
        with pq.ParquetWriter(path, QRELS, compression="zstd") as file:
            for part in _parts(judgements, BATCH_DOCUMENTS):
                file.write_batch(_batch(part, QRELS))
        self.numbers["judgements"] = len(judgements)

    def _triples(self, batches: Iterator[pa.RecordBatch], path: Path) -> None:
        first = next(batches, None)
        if first is None:
            raise UserError(f"data set {self._name}: it has no training triples")
        done = 0
        with pq.ParquetWriter(path, first.schema, compression="zstd") as file:
            for batch in itertools.chain([first], batches):
                file.write_batch(batch)
                done += batch.num_rows
        self.triples = done

    def _check_ids(self, what: What, part: list[Any], seen: HashSet) -> None:
        ids = [item.id for item in part]
        for identity in ids:
            if (mistake := unfit(identity)) is not None:
                place = self._places.at(what, id=identity)
                raise UserError(f"{place}: {ONE[what]} id {identity!r} {mistake}; rename it, in the judgements too")
        new = seen.add([text_hash(identity) for identity in ids])
        if not new.all():
            identity = ids[int((~new).argmax())]
            raise UserError(f"{self._places.twice(what, f'id {identity!r}', id=identity)}; ids must be unique")


def _parts(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    stream = iter(items)
    while part := list(itertools.islice(stream, size)):
        yield part


def _batch(part: list[Any], schema: pa.Schema) -> pa.RecordBatch:
    columns = zip(*part, strict=True)
    return pa.record_batch([pa.array(column, kind) for column, kind in zip(columns, schema.types, strict=True)], schema)
