"""Local files: BEIR's layout, or the same as tab-separated values; plain or gzipped."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from rescalade.data.dataset_config import DatasetConfig
from rescalade.data.source_config import SourceConfig
from rescalade.data.sources.failures import with_user_errors
from rescalade.data.streams import CollectionStreams, Document, Facts, Judgement, Query
from rescalade.errors import UserError


class FilesSource(SourceConfig):
    """Local files: a folder in BEIR's layout (corpus.jsonl, queries.jsonl, qrels/PART.tsv) or the same as TSV."""

    kind: Literal["files"]


class FilesDataset(DatasetConfig):
    """Keys of a data set of local files, beside those of DatasetConfig."""

    path: str = Field(description="The folder.")
    part: str | None = Field(None, description="The name of qrels/PART.tsv.")

    def open(self, name: str, source: FilesSource, folder: Path | None) -> CollectionStreams:
        """Streams of the folder, see `open_files`."""
        return open_files(name, self.reads()["path"], self.part)

    def reads(self) -> Mapping[str, Path]:
        """The user's folder."""
        return {"path": Path(self.path).expanduser()}


def open_files(name: str, folder: Path, part: str | None) -> CollectionStreams:
    """Streams of a folder with three files, each plain or with .gz behind its name.

    corpus: corpus.jsonl with _id, text and perhaps title, or corpus.tsv with id, text or id, title, text.
    queries: queries.jsonl with _id and text, or queries.tsv; queries-PART is preferred where it is there.
    judgements: qrels/PART.tsv, qrels-PART.tsv or qrels.tsv with a header or without (query, document, grade), or the
    four columns of TREC (query, anything, document, grade), separated by tabs or blanks.

    Only queries with a judgement are taken when all parts share one file of queries.

    Raises:
        UserError: a file is missing; and, when a stream is read, a line is not in its format.
    """
    if not folder.is_dir():
        raise UserError(f"data set {name}: there is no folder {folder}; correct datasets.{name}.path")
    own = [f"queries-{part}.{kind}" for kind in ("jsonl", "tsv")] if part else []
    queries = _find(name, folder, [*own, "queries.jsonl", "queries.tsv"])
    parts = [f"qrels/{part}.tsv", f"qrels-{part}.tsv"] if part else []
    qrels = _find(name, folder, [*parts, *(() if part else ("qrels.tsv", "qrels.txt", "qrels/test.tsv"))])
    shared = queries.name.startswith("queries.")

    def judgements() -> Iterator[Judgement]:
        return _judgements(qrels)

    def asked() -> Iterator[Query]:
        judged = {judgement.query for judgement in judgements()} if shared else None
        for row in _rows(queries, 2):
            if judged is None or row[0] in judged:
                yield Query(row[0], row[-1])

    def documents() -> Iterator[Document]:
        # looked for when it is read: a set that shares its documents with another needs none
        return (Document(*row) for row in _rows(_find(name, folder, ["corpus.jsonl", "corpus.tsv"]), 3))

    def safe(stream: Callable[[], Iterator[Any]], path: Path) -> Callable[[], Iterator[Any]]:
        return with_user_errors(stream, f"data set {name}: {path}", "replace the file")

    return CollectionStreams(
        documents=safe(documents, folder),
        queries=safe(asked, queries),
        judgements=safe(judgements, qrels),
        facts=Facts(origin=f"local files {folder}", details={"files": [path.name for path in (queries, qrels)]}),
    )


def _find(name: str, folder: Path, candidates: list[str]) -> Path:
    for candidate in candidates:
        for path in (folder / candidate, folder / f"{candidate}.gz"):
            if path.is_file():
                return path
    raise UserError(
        f"data set {name}: {folder} has none of {', '.join(candidates)} (plain or .gz); see docs/data.md for the layout"
    )


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Number and text of each line that is not empty."""
    with path.open("rb") as raw:
        stream: Any = gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw
        for number, line in enumerate(io.TextIOWrapper(stream, encoding="utf-8"), 1):
            if line.strip():
                yield number, line.rstrip("\r\n")


def _rows(path: Path, columns: int) -> Iterator[tuple[str, ...]]:
    """(id, text), or (id, title, text), of each line."""
    jsonl = ".jsonl" in path.suffixes
    for number, line in _lines(path):
        if jsonl:
            yield _json_row(path, number, line, columns)
            continue
        row = line.split("\t")
        if not 2 <= len(row) <= columns:
            raise UserError(
                f"{path}, line {number}: {len(row)} columns found, {' or '.join(map(str, range(2, columns + 1)))} "
                "separated by tabs are expected"
            )
        yield (row[0], "", row[1]) if columns == 3 and len(row) == 2 else tuple(row)


def _json_row(path: Path, number: int, line: str, columns: int) -> tuple[str, ...]:
    try:
        row = json.loads(line)
        identity, text = row.get("_id", row.get("id")), row["text"]
    except (ValueError, KeyError, AttributeError):
        identity = text = None
    if identity is None or not isinstance(text, str):
        raise UserError(f"{path}, line {number}: an object with _id and text is expected")
    return (str(identity), row.get("title") or "", text) if columns == 3 else (str(identity), text)


def _judgements(path: Path) -> Iterator[Judgement]:
    for number, line in _lines(path):
        row = line.split("\t") if "\t" in line else line.split()
        if len(row) not in (3, 4):
            raise UserError(f"{path}, line {number}: {len(row)} columns found, 3 or TREC's 4 are expected")
        try:
            yield Judgement(row[0], row[-2], int(row[-1]))
        except ValueError:
            if number > 1:  # the first line may be a header
                raise UserError(f"{path}, line {number}: grade {row[-1]!r} is not a whole number") from None
