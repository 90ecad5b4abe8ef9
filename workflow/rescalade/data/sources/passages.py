"""Training examples with nested passages, the layout in which Tevatron publishes its data sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from rescalade.data.dataset_config import DatasetConfig
from rescalade.data.source_config import Download, SourceConfig
from rescalade.errors import UserError, shown_path

if TYPE_CHECKING:
    from rescalade.data.streams import CollectionStreams


class PassagesSource(SourceConfig):
    """Rows of one query each with its passages in them, on the Hugging Face hub or in local files.

    A row has query_id, query, positive_passages and negative_passages; a passage has docid, text and perhaps title.
    """

    kind: Literal["passages"]


class PassagesDataset(DatasetConfig):
    """Keys of a data set of nested passages, beside those of DatasetConfig."""

    id: str | None = Field(None, description="owner/name of the data set on the hub; or else `path`.")
    revision: str = Field("main", description="The commit, with `id`; the manifest says which one arrived.")
    path: str | None = Field(None, description="A local file, or a folder of files; or else `id`.")
    file: str = Field(
        "train.jsonl.gz",
        description="Name of the file in the data set or folder, or a pattern such as data/train-*.parquet: .jsonl, "
        ".jsonl.gz or .parquet. Without meaning where `path` is a file.",
    )
    bytes: int | None = Field(
        None, ge=1, description="Size of the files together, where it is known; another one is refused."
    )
    shuffle: bool = Field(
        True,
        description="Put the negatives of each query in an order drawn by a hash of query and passage, so that the "
        "first ones, which a recipe takes, are a sample of all. Else they stay in the order of the file, in which "
        "those of one retriever may come first.",
    )
    limit: int | None = Field(None, ge=1, description="At most this many rows.")

    def open(self, name: str, source: PassagesSource, folder: Path | None) -> CollectionStreams:
        """See `open_passages`."""
        from rescalade.data.sources.passage_rows import open_passages

        return open_passages(name, self)

    def mistake(self, source: Any) -> tuple[str, str] | None:
        """Both a place on the hub and a local one, or neither."""
        if (self.id is None) == (self.path is None):
            return "id", "expected either `id`, a data set on the hub, or `path`, a local file or folder"
        return None

    def reads(self) -> Mapping[str, Path]:
        """The user's file or folder."""
        return {} if self.path is None else {"path": Path(self.path).expanduser()}

    def files(self) -> Sequence[Path]:
        """The file, or the files of the folder that the pattern names."""
        place = self.reads().get("path")
        if place is None or place.is_file():
            return [] if place is None else [place]
        return sorted(place.glob(self.file)) or [place / self.file]

    def check_files(self, name: str) -> None:
        """As `DatasetConfig.check_files`."""
        for path in self.files():
            if not path.is_file():
                raise UserError(f"data set {name}: there is no file {shown_path(path)}; correct datasets.{name}.path")

    def downloads(self) -> Sequence[Download]:
        """The files on the hub."""
        return [] if self.id is None else [Download(f"data set {self.id}", self.id, self.bytes)]

    def listed(self, what: Literal["docs", "queries"]) -> int | None:
        """Queries are at most as many as rows."""
        return self.limit if what == "queries" else None
