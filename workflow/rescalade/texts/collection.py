"""A collection on disk: corpus, queries and relevance judgements, with a manifest that guards them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from rescalade.atomic import sha256
from rescalade.collection_manifest import CollectionManifest
from rescalade.errors import UserError

CORPUS = pa.schema([("id", pa.string()), ("title", pa.string()), ("text", pa.string())])
QUERIES = pa.schema([("id", pa.string()), ("text", pa.string()), ("group", pa.string())])
QRELS = pa.schema([("query_id", pa.string()), ("document_id", pa.string()), ("grade", pa.int32())])
BATCH_DOCUMENTS = 16384
"""Documents that are in memory together where a corpus is read or written."""
BATCH_JUDGEMENTS = 65_536
FILES = ("corpus.parquet", "queries.parquet", "qrels.parquet")


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
        return grades(self.qrels)


def grades(qrels: pa.Table) -> dict[str, dict[str, int]]:
    """Grades of qrels(query_id, document_id, grade) by query id and document id."""
    found: dict[str, dict[str, int]] = {}
    for batch in qrels.to_batches(BATCH_JUDGEMENTS):
        columns = (batch.column(name).to_pylist() for name in QRELS.names)
        for query, document, grade in zip(*columns, strict=True):
            found.setdefault(query, {})[document] = grade
    return found


def digests(folder: Path) -> Mapping[str, str]:
    """sha256 of a data set's files by name, as its manifest says.

    Raises:
        UserError: the manifest is missing, damaged or of an older schema.
    """
    return CollectionManifest.read(folder / "manifest.json").sha256


def check_file(folder: Path, name: str, expected: Mapping[str, str]) -> str:
    """Compare a file of a data set with the manifest's sha256 and return it.

    Raises:
        UserError: the file is missing, its content is not what the manifest says, or that says nothing of it.
    """
    path = folder / name
    if name not in expected:
        raise UserError(f"{folder / 'manifest.json'}: sha256 lacks {name}; delete {folder} and run again")
    if not path.is_file():
        raise UserError(f"{path} is missing; delete {folder} and run again")
    found = sha256(path)
    if found != expected[name]:
        raise UserError(
            f"{path}: sha256 {found[:12]}… found, the manifest says {expected[name][:12]}…; "
            f"the file is damaged: delete {folder} and run again"
        )
    return found


def texts_of(part: pa.Table | pa.RecordBatch) -> list[str]:
    """Title, a space and the text of each row of a part; the text alone where the title is empty or there are none."""
    texts: list[str] = part.column("text").to_pylist()
    if "title" not in part.schema.names:
        return texts
    titles = part.column("title").to_pylist()
    return [f"{title} {text}" if title else text for title, text in zip(titles, texts, strict=True)]


def read_table(folder: Path, name: str) -> pa.Table:
    """corpus.parquet, queries.parquet or qrels.parquet of a collection, compared with its manifest.

    Raises:
        UserError: the file is missing, or its content is not what the manifest says.
    """
    check_file(folder, name, digests(folder))
    return pq.read_table(folder / name)


def document_batches(folder: Path, size: int = BATCH_DOCUMENTS) -> Iterator[pa.RecordBatch]:
    """The corpus in its order, at most `size` documents at a time: columns id, title, text.

    The file is compared with its manifest before the first batch; memory does not grow with the corpus.

    Raises:
        UserError: the file is missing, or its content is not what the manifest says.
    """
    check_file(folder, "corpus.parquet", digests(folder))
    with pq.ParquetFile(folder / "corpus.parquet", pre_buffer=False) as file:  # else pyarrow keeps all of the file
        yield from file.iter_batches(batch_size=size, columns=CORPUS.names)


def read_collection(folder: Path) -> Collection:
    """Read a collection whole, for those that are small, and compare it with its manifest.

    Raises:
        UserError: a file is missing, or its content is not what the manifest says.
    """
    return Collection(*(read_table(folder, name) for name in FILES))


def read_judgements(folder: Path) -> dict[str, dict[str, int]]:
    """Grades by query and document.

    Raises:
        UserError: the data set has none, or the file is damaged.
    """
    found = grades(read_table(folder, "qrels.parquet"))
    if not found:
        raise UserError(
            f"data set {folder.name} has no judgements (qrels.parquet is empty), which scores and hard negatives need; "
            "name a part of it that has some, or leave it out of the experiment"
        )
    return found
