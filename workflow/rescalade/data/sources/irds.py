"""Collections of the library ir_datasets, by id."""

from __future__ import annotations

import difflib
import importlib.metadata
import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from rescalade.data.dataset_config import DatasetConfig
from rescalade.data.source_config import Download, SourceConfig
from rescalade.data.sources.failures import with_user_errors
from rescalade.data.streams import CollectionStreams, Document, Facts, Judgement, Query
from rescalade.errors import UserError

logger = logging.getLogger(__name__)


class IrDatasetsSource(SourceConfig):
    """Collections that the library ir_datasets knows by id; it downloads, resumes and checks them by md5."""

    kind: Literal["ir_datasets"]


class IrDatasetsDataset(DatasetConfig):
    """Keys of a data set of ir_datasets, beside those of DatasetConfig."""

    id: str = Field(description="Its id there.")

    def open(self, name: str, source: IrDatasetsSource, folder: Path | None) -> CollectionStreams:
        """See `open_ir_dataset`; says what is going to be fetched."""
        size = sum(file.size or 0 for file in self.downloads())
        if size > 10**6:
            logger.info("data set %s: %.3g GB to fetch, unless %s has it", name, size / 1e9, ir_datasets_home())
        return open_ir_dataset(name, self.id)

    def downloads(self) -> Sequence[Download]:
        """Archives of ir_datasets, of which data sets share some."""
        from rescalade.data.sources.irds_tables import downloads

        files = [Download("ir_datasets", address, size) for address, size in downloads(self.id).items()]
        return files or [Download(f"data set {self.id}", self.id, None)]

    def listed(self, what: Literal["docs", "queries"]) -> int | None:
        """Number of documents or queries by the library's own tables."""
        from rescalade.data.sources.irds_tables import count

        return count(self.id, what)


def open_ir_dataset(name: str, identity: str) -> CollectionStreams:
    """Streams of a data set that ir_datasets downloads, resumes and checks itself, into $IR_DATASETS_HOME.

    Raises:
        UserError: the id is unknown, or it has no documents, queries or judgements; and, when a stream is read, what
            the download ended in.
    """
    dataset = _load(name, identity)
    home = ir_datasets_home()
    remedy = f"delete {home / identity.split('/')[0]} (or the file named in it) and run again"
    what = f"data set {name} ({identity})"

    def documents() -> Iterator[Document]:
        for item in dataset.docs_iter():
            yield Document(item.doc_id, getattr(item, "title", "") or "", _text(item))

    def queries() -> Iterator[Query]:
        for item in dataset.queries_iter():
            yield Query(item.query_id, _text(item))

    def judgements() -> Iterator[Judgement]:
        for item in dataset.qrels_iter():
            yield Judgement(item.query_id, item.doc_id, int(item.relevance))

    return CollectionStreams(
        documents=with_user_errors(documents, what, remedy),
        queries=with_user_errors(queries, what, remedy),
        judgements=with_user_errors(judgements, what, remedy),
        facts=Facts(
            origin=f"ir_datasets {identity}",
            details={"id": identity, "ir_datasets": importlib.metadata.version("ir_datasets")},
        ),
        strict=False,
    )


def _text(item: Any) -> str:
    text: str | None = getattr(item, "text", None)
    return str(item.default_text()) if text is None else text


def ir_datasets_home() -> Path:
    """Folder of the library's downloads."""
    return Path(os.environ.get("IR_DATASETS_HOME", Path.home() / ".ir_datasets"))


def _load(name: str, identity: str) -> Any:
    import ir_datasets

    try:
        dataset = ir_datasets.load(identity)
    except KeyError:
        known = list(ir_datasets.registry)
        close = difflib.get_close_matches(identity, known, n=3, cutoff=0.5)
        hint = f"did you mean {', '.join(close)}?" if close else "see ir-datasets.com for the ids there are"
        raise UserError(f"data set {name}: ir_datasets has no {identity!r}; {hint}") from None
    has = {"documents": dataset.has_docs(), "queries": dataset.has_queries(), "judgements": dataset.has_qrels()}
    lacking = [what for what, is_there in has.items() if not is_there]
    if lacking:
        whole = [other for other in ir_datasets.registry if other.startswith(identity + "/")]
        having = [other for other in whole if ir_datasets.load(other).has_qrels()]
        hint = f"; try {', '.join(having[:4])}" if having else ""
        raise UserError(f"data set {name}: {identity} has no {' and no '.join(lacking)}{hint}")
    return dataset
