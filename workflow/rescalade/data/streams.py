"""What a source of data hands over: streams of documents, queries and judgements, nothing of it in memory yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    import pyarrow as pa

from rescalade.collection_manifest import CollectionProtocol
from rescalade.strict import Strict
from rescalade.texts.text_lines import Place


class Document(NamedTuple):
    """One document; the title may be empty."""

    id: str
    title: str
    text: str


class Query(NamedTuple):
    """One query; queries of a group are also scored by themselves."""

    id: str
    text: str
    group: str = ""


class Judgement(NamedTuple):
    """The grade of a document for a query; 0 and below is not relevant."""

    query: str
    document: str
    grade: int


class Facts(Strict):
    """What is known of a data set beside its texts; the keys of its manifest by these names."""

    origin: str | None = None
    licence: str | None = None
    link: str | None = None
    packages: Mapping[str, str] = {}
    protocol: CollectionProtocol | None = None
    details: Mapping[str, Any] = {}


class Where(Protocol):
    """Finds the lines of a source's files on which something stands; read again, so it is for messages alone."""

    def __call__(self, what: Literal["documents", "queries", "judgements"], **fields: str) -> Sequence[Place]:
        """Lines of the documents, queries or judgements with these fields, in their order."""
        ...


@dataclass(frozen=True)
class CollectionStreams:
    """A collection as its source gives it.

    Every stream can be asked for again. They hold at most a few thousand items at a time, so that a corpus of any size
    passes through.

    documents, queries, judgements: make a fresh stream each.
    facts: origin, versions and the like, for the manifest.
    triples: makes a stream of Arrow batches (query_id, positive_id, negative_id and perhaps positive_score,
        negative_score) where the source brings its own training triples.
    strict: unless the data set's entry says otherwise, a judgement of a document that is not there, or a second one of
        the same query and document, is a mistake; where False the former is kept and counted and of the latter the
        first counts, as trec_eval does with judgements of public collections.
    where: lines of the source's files, where it has such.
    """

    documents: Callable[[], Iterator[Document]]
    queries: Callable[[], Iterator[Query]]
    judgements: Callable[[], Iterator[Judgement]]
    facts: Facts = field(default_factory=Facts)
    triples: Callable[[], Iterator[pa.RecordBatch]] | None = None
    strict: bool = True
    where: Where | None = None
