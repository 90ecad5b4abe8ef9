"""Local files: BEIR's layout, or the same as tab-separated values; plain or gzipped."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from rescalade.data.dataset_config import DatasetConfig
from rescalade.data.source_config import SourceConfig
from rescalade.data.sources.folder_layout import expected_files, folder_layout
from rescalade.data.streams import CollectionStreams, Document, Facts, Judgement, Query
from rescalade.errors import UserError
from rescalade.texts.named_rows import TITLED, UNTITLED, named_rows
from rescalade.texts.text_lines import Place
from rescalade.texts.text_table import Layout, table_rows

JUDGEMENTS = Layout(
    columns=(("query", "document", "grade"), ("query", "iteration", "document", "grade")),
    names={
        "query": "query query_id queryid qid q_id topic topic_id topicid topicno question_id",
        "document": "document document_id documentid doc doc_id docid did docno corpus_id corpusid pid passage_id",
        "grade": "grade score rel relevance relevancy relevant label judgement judgment rating gain",
        "iteration": "iteration iter q0 0 subtopic unused",
    },
    blanks=True,
)
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]+")
_LONG = 10**21
"""Stands for a grade of more than 20 digits, which is refused like any other that is out of bounds."""


class FilesSource(SourceConfig):
    """Local files: a folder in BEIR's layout (corpus.jsonl, queries.jsonl, qrels/PART.tsv) or the same as TSV."""

    kind: Literal["files"]


class FilesDataset(DatasetConfig):
    """Keys of a data set of local files, beside those of DatasetConfig."""

    path: str = Field(description="The folder; a relative one counts from the working directory.")
    part: str | None = Field(None, description="The name of qrels/PART.tsv.")

    def open(self, name: str, source: FilesSource, folder: Path | None) -> CollectionStreams:
        """Streams of the folder, see `open_files`."""
        return open_files(name, self.reads()["path"], self.part)

    def reads(self) -> Mapping[str, Path]:
        """The user's folder."""
        return {"path": Path(self.path).expanduser()}

    def files(self) -> Sequence[Path]:
        """The files of this part, and of the documents unless they are another set's."""
        return expected_files(self.reads()["path"], self.part, corpus=self.corpus is None)

    def check_files(self, name: str) -> None:
        """As `folder_layout`."""
        layout = folder_layout(name, self.reads()["path"], self.part)
        if self.corpus is None:
            layout.corpus()


def open_files(name: str, folder: Path, part: str | None) -> CollectionStreams:
    """Streams of a folder with three files, each plain or with .gz behind its name.

    corpus: corpus.jsonl with _id, text and perhaps title, or corpus.tsv with id, text or id, title, text.
    queries: queries.jsonl with _id and text, or queries.tsv; queries-PART is preferred where it is there.
    judgements: qrels/PART.tsv, qrels-PART.tsv or qrels.tsv (query, document, grade), or the four columns of TREC
    (query, anything, document, grade), separated by tabs or blanks.

    A table may have a header, whose names then say which column is what. Only queries with a judgement are taken when
    all parts share one file of queries.

    Raises:
        UserError: a file is missing; and, when a stream is read, a line is not in its format.
    """
    files = folder_layout(name, folder, part)
    files.warn()
    rows: Mapping[str, Callable[[], Iterator[tuple[Place, Any]]]] = {
        "documents": lambda: _documents(files.corpus()),
        "queries": lambda: _queries(files.queries),
        "judgements": lambda: judgement_rows(files.judgements),
    }

    def asked() -> Iterator[Query]:
        judged = {judgement.query for _, judgement in rows["judgements"]()} if files.shared else None
        return (query for _, query in rows["queries"]() if judged is None or query.id in judged)

    def where(what: Literal["documents", "queries", "judgements"], **fields: str) -> Sequence[Place]:
        wanted = fields.items()
        return [place for place, item in rows[what]() if all(getattr(item, key) == value for key, value in wanted)]

    return CollectionStreams(
        documents=lambda: (document for _, document in rows["documents"]()),
        queries=asked,
        judgements=lambda: (judgement for _, judgement in rows["judgements"]()),
        facts=Facts(
            origin=f"local files {folder}", details={"files": [path.name for path in (files.queries, files.judgements)]}
        ),
        where=where,
    )


def _documents(path: Path) -> Iterator[tuple[Place, Document]]:
    return ((row.place, Document(row.id, row.title, row.text)) for row in named_rows(path, TITLED))


def _queries(path: Path) -> Iterator[tuple[Place, Query]]:
    return ((row.place, Query(row.id, row.text)) for row in named_rows(path, UNTITLED))


def judgement_rows(path: Path) -> Iterator[tuple[Place, Judgement]]:
    """Place and content of each judgement of a file: query, document, grade, or TREC's four columns.

    Raises:
        UserError: a line has other columns, or its grade is not a whole number.
    """
    for place, cells in table_rows(path, JUDGEMENTS):
        query, document, grade = (cells[column].strip() for column in ("query", "document", "grade"))
        if _WHOLE_NUMBER.fullmatch(grade) is None:
            known = ", ".join(JUDGEMENTS.names["grade"].split())
            header = f"; a header has names of columns, of this one {known}" if place.line == 1 else ""
            raise UserError(f"{place}: grade {grade[:40]!r} is not a whole number{header}")
        yield place, Judgement(query, document, int(grade) if len(grade) <= 20 else _LONG)
