"""Training triplets from the Hugging Face hub."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from rescalade.data.dataset_config import DatasetConfig
from rescalade.data.source_config import Download, SourceConfig
from rescalade.strict import Strict

if TYPE_CHECKING:
    from rescalade.data.streams import CollectionStreams


class HubSource(SourceConfig):
    """Training triplets on the Hugging Face hub: texts, or ids with subsets that hold the texts."""

    kind: Literal["hub"]


class HubTexts(Strict):
    """Subsets of a hub data set that hold the texts of its ids."""

    documents: str = Field(description="Subset with the documents: its first column is the id, its second the text.")
    queries: str = Field(description="Subset with the queries, in the same two columns.")


class HubDataset(DatasetConfig):
    """Keys of a data set on the hub, beside those of DatasetConfig."""

    id: str = Field(description="owner/name of the data set.")
    revision: str = Field(description="The commit.")
    subset: str = Field("default", description="The subset with the triplets.")
    texts: HubTexts | None = Field(None, description="Where the texts of triplets of ids are.")
    part: str = Field("train", description="The split.")
    limit: int | None = Field(None, ge=1, description="At most this many rows.")

    def open(self, name: str, source: HubSource, folder: Path | None) -> CollectionStreams:
        """See `open_hub_triples`."""
        from rescalade.data.sources.hub_triplets import open_hub_triples

        return open_hub_triples(name, self)

    def downloads(self) -> Sequence[Download]:
        """The files of its subsets, whose size only the hub knows."""
        return [Download(f"data set {self.id}", self.id, None)]

    def listed(self, what: Literal["docs", "queries"]) -> int | None:
        """The limit: documents and queries are at most as many as rows."""
        return self.limit
