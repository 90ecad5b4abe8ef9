"""What every data set says, whatever the kind of its source; `rescalade.data.kinds` lists the kinds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from rescalade.data.protocol import Protocol
from rescalade.data.source_config import Download
from rescalade.strict import Name, Strict

if TYPE_CHECKING:
    from rescalade.data.streams import CollectionStreams


class Golden(Strict):
    """Items by which a collection is recognised: id -> how its text begins."""

    documents: dict[str, str] = Field(default={}, description="Title, a space and the text begin so.")
    queries: dict[str, str] = Field(default={}, description="The query begins so.")


class DatasetConfig(Protocol):
    """One collection: corpus, queries and relevance judgements, and the protocol by which it is searched and scored."""

    source: Name = Field(description="Name under `sources`.")
    corpus: Name | None = Field(
        None,
        description="Another data set with the same documents: they are then neither encoded nor indexed again.",
    )
    documents: int | None = Field(
        None,
        ge=1,
        description="Number of documents, if known; another one is refused. Needed for `retrieval.shard_jobs`.",
    )
    queries: int | None = Field(None, ge=1, description="Number of queries, if known; another one is refused.")
    judgements: int | None = Field(None, ge=1, description="Number of judgements, if known; another one is refused.")
    golden: Golden = Field(default_factory=Golden, description="Items that must be there with these texts.")
    licence: str = Field("", description="Licence of the data.")
    link: str = Field("", description="Where licence and origin can be read.")
    titles: Literal["prepend", "once", "none"] = Field(
        "prepend",
        description="prepend: a document is title, space, text. once: the same, but a title with which the text begins "
        "stands there once. none: the text alone.",
    )
    gains: dict[int, int] = Field(
        default={}, description="Grade as the source gives it -> grade that is used; others stay as they are."
    )

    repeated_judgements: Literal["refuse", "first", "best", "last"] | None = Field(
        None,
        description="Of several judgements of one query and document: refuse the set, or let the first, the best grade "
        "or the last count. Where nothing is said, ir_datasets lets the first count and every other source refuses.",
    )
    missing_documents: Literal["refuse", "keep"] | None = Field(
        None,
        description="Judgements of documents that the corpus lacks, as where it is a part of the judged one: refuse "
        "the set, or keep and count them. A relevant one is then never found. Where nothing is said, ir_datasets keeps "
        "and every other source refuses.",
    )
    without_relevant: Literal["keep", "drop"] = Field(
        "keep",
        description="Queries without a relevant document, none of whose grades is 1 or more: keep them, which score 0 "
        "as in trec_eval, or drop them and their judgements. Either way they are counted.",
    )

    def open(self, name: str, source: Any, folder: Path | None) -> CollectionStreams:
        """The streams of this data set.

        Args:
            name: of the data set, for messages.
            source: its source, of the same kind.
            folder: what the source's stage made, for kinds that have one.

        Raises:
            UserError: the data cannot be had or are not what the entry says.
        """
        raise NotImplementedError(f"{type(self).__name__} does not open")

    def modules(self, source: Any) -> Sequence[str]:
        """Modules in which the code that makes this set begins, beside that of the stage itself."""
        return [type(self).__module__]

    def mistake(self, source: Any) -> tuple[str, str] | None:
        """A key whose value this source does not have, and what is wrong with it; None where all is well."""
        return None

    def wants(self) -> Sequence[str]:
        """What the source's stage must fetch or read for this set."""
        return []

    def reads(self) -> Mapping[str, Path]:
        """Files and folders of the user that this set is made from, by the key that names them."""
        return {}

    def files(self) -> Sequence[Path]:
        """Files of these that it is made from, as they lie there now; a missing one by the name that it should have."""
        return []

    def check_files(self, name: str) -> None:
        """Refuse files that are missing, before anything runs.

        Args:
            name: of the data set, for messages.

        Raises:
            UserError: a folder or file is not there.
        """
        return

    def downloads(self) -> Sequence[Download]:
        """What is fetched when this set is made."""
        return []

    def listed(self, what: Literal["docs", "queries"]) -> int | None:
        """How many there are, by what is known of this kind before the set is made; None: not known."""
        return None
