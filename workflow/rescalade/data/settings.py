"""What every source and every data set says, whatever its kind; `rescalade.data.kinds` lists the kinds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

from pydantic import Field

from rescalade.data.protocol import Protocol
from rescalade.strict import Name, Strict

if TYPE_CHECKING:
    from rescalade.data.streams import CollectionStreams


class Download(NamedTuple):
    """Something that is fetched: what the plan calls it, its address, its bytes where they are known."""

    label: str
    address: str
    size: int | None


class SourceConfig(Strict):
    """Where data sets come from. A kind of source is one module with a class of this and one of DatasetConfig.

    stage_keys: keys that the source's own stage reads; a kind without any has no such stage.
    collection_keys: keys that the stage of each data set reads.
    """

    kind: str
    stage_keys: ClassVar[frozenset[str]] = frozenset()
    collection_keys: ClassVar[frozenset[str]] = frozenset()

    @property
    def has_stage(self) -> bool:
        """Whether it fetches or reads something once for all its data sets."""
        return bool(self.stage_keys)

    def modules(self) -> Sequence[str]:
        """Modules whose code decides what the data sets of this source hold."""
        return [type(self).__module__]

    def make(self, folder: Path, wanted: Sequence[str], processes: int) -> None:
        """Fetch or read into an empty folder what all data sets are taken from, for kinds that have a stage.

        Args:
            wanted: what the data sets of the configuration take from it, see `DatasetConfig.wants`.
            processes: worker processes that may be started.
        """
        raise NotImplementedError(f"sources of kind {self.kind} have no stage")

    def downloads(self) -> Sequence[Download]:
        """What `make` fetches."""
        return []


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

    def mistake(self, source: Any) -> tuple[str, str] | None:
        """A key whose value this source does not have, and what is wrong with it; None where all is well."""
        return None

    def wants(self) -> Sequence[str]:
        """What the source's stage must fetch or read for this set."""
        return []

    def reads(self) -> Mapping[str, Path]:
        """Files and folders of the user that this set is made from, by the key that names them."""
        return {}

    def downloads(self) -> Sequence[Download]:
        """What is fetched when this set is made."""
        return []

    def listed(self, what: Literal["docs", "queries"]) -> int | None:
        """How many there are, by what is known of this kind before the set is made; None: not known."""
        return None
