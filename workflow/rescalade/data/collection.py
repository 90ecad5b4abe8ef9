"""A collection on disk: corpus, queries and relevance judgements, with a manifest that guards them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rescalade.atomic import atomic_file, read_json, sha256, write_json
from rescalade.errors import UserError

CORPUS = pa.schema([("id", pa.string()), ("title", pa.string()), ("text", pa.string())])
QUERIES = pa.schema([("id", pa.string()), ("text", pa.string()), ("group", pa.string())])
QRELS = pa.schema([("query_id", pa.string()), ("document_id", pa.string()), ("grade", pa.int32())])
BATCH_DOCUMENTS = 16384
"""Documents that are in memory together where a corpus is read or written."""
FILES = {"corpus.parquet": CORPUS, "queries.parquet": QUERIES, "qrels.parquet": QRELS}


@dataclass(frozen=True)
class Collection:
    """corpus(id, title, text), queries(id, text, group), qrels(query_id, document_id, grade) as Arrow tables."""

    corpus: pa.Table
    queries: pa.Table
    qrels: pa.Table

    def document_texts(self) -> list[str]:
        """Title, a space and the text of each document; the text alone where the title is empty."""
        return texts_of(self.corpus)

    def relevant(self) -> dict[str, dict[str, int]]:
        """Grades by query id and document id."""
        found: dict[str, dict[str, int]] = {}
        for row in self.qrels.to_pylist():
            found.setdefault(row["query_id"], {})[row["document_id"]] = row["grade"]
        return found


def write_collection(folder: Path, collection: Collection, facts: Mapping[str, Any]) -> None:
    """Write the three tables, then the manifest with their digests and counts.

    Args:
        facts: further keys of the manifest (origin, licence, protocol, ...).

    Raises:
        UserError: an id is repeated or empty, a text is missing, or a judgement names no document or query.
    """
    _check(collection)
    tables = {
        "corpus.parquet": collection.corpus,
        "queries.parquet": collection.queries,
        "qrels.parquet": collection.qrels,
    }
    digests = {}
    for name, table in tables.items():
        with atomic_file(folder / name) as temporary:
            pq.write_table(table.cast(FILES[name]), temporary, compression="zstd")
        digests[name] = sha256(folder / name)
    counts = {
        "documents": len(collection.corpus),
        "queries": len(collection.queries),
        "judgements": len(collection.qrels),
    }
    groups: dict[str, int] = {}
    for group in collection.queries["group"].to_pylist():
        if group:
            groups[group] = groups.get(group, 0) + 1
    write_json(folder / "manifest.json", {**facts, "counts": counts, "groups": groups, "sha256": digests})


def check_file(folder: Path, name: str, digests: Mapping[str, str]) -> str:
    """Compare a file of a data set with the manifest's sha256 and return it.

    Raises:
        UserError: the file is missing, or its content is not what the manifest says.
    """
    path = folder / name
    if not path.is_file():
        raise UserError(f"{path} is missing; delete {folder} and run again")
    found = sha256(path)
    if found != digests[name]:
        raise UserError(
            f"{path}: sha256 {found[:12]}… found, the manifest says {digests[name][:12]}…; "
            f"the file is damaged: delete {folder} and run again"
        )
    return found


def texts_of(part: pa.Table | pa.RecordBatch) -> list[str]:
    """Title, a space and the text of each document of a part; the text alone where the title is empty."""
    titles, texts = part.column("title").to_pylist(), part.column("text").to_pylist()
    return [f"{title} {text}" if title else text for title, text in zip(titles, texts, strict=True)]


def read_table(folder: Path, name: str) -> pa.Table:
    """queries.parquet or qrels.parquet of a collection, compared with its manifest.

    Raises:
        UserError: the file is missing, or its content is not what the manifest says.
    """
    check_file(folder, name, read_json(folder / "manifest.json")["sha256"])
    return pq.read_table(folder / name)


def document_batches(folder: Path, size: int = BATCH_DOCUMENTS) -> Iterator[pa.RecordBatch]:
    """The corpus in its order, at most `size` documents at a time: columns id, title, text.

    The file is compared with its manifest before the first batch; memory does not grow with the corpus.

    Raises:
        UserError: the file is missing, or its content is not what the manifest says.
    """
    check_file(folder, "corpus.parquet", read_json(folder / "manifest.json")["sha256"])
    with pq.ParquetFile(folder / "corpus.parquet") as file:
        yield from file.iter_batches(batch_size=size, columns=CORPUS.names)


def read_collection(folder: Path) -> Collection:
    """Read a collection whole, for those that are small, and compare it with its manifest.

    Raises:
        UserError: a file is missing, or its content is not what the manifest says.
    """
    digests = read_json(folder / "manifest.json")["sha256"]
    tables = {}
    for name in FILES:
        check_file(folder, name, digests)
        tables[name] = pq.read_table(folder / name)
    return Collection(tables["corpus.parquet"], tables["queries.parquet"], tables["qrels.parquet"])


def _check(collection: Collection) -> None:
    known: dict[str, set[str]] = {}
    for what, table in (("document", collection.corpus), ("query", collection.queries)):
        ids = table["id"].to_pylist()
        known[what] = set(ids)
        if len(known[what]) != len(ids):
            repeated = next(identity for identity in ids if ids.count(identity) > 1)
            raise UserError(f"{what} id {repeated!r} occurs more than once; ids must be unique")
        for identity, text in zip(ids, table["text"].to_pylist(), strict=True):
            if not identity or not text or not text.strip():
                raise UserError(f"{what} {identity!r}: id and text must not be empty")
    for row in collection.qrels.to_pylist():
        for what, key in (("query", "query_id"), ("document", "document_id")):
            if row[key] not in known[what]:
                raise UserError(f"judgement names {what} {row[key]!r}, which is not in the collection")
