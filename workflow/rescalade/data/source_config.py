"""What every source says, whatever its kind; `rescalade.data.kinds` lists the kinds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, NamedTuple

from rescalade.strict import Strict


class Download(NamedTuple):
    """Something that is fetched: what the plan calls it, its address, its bytes where they are known."""

    label: str
    address: str
    size: int | None


class SourceConfig(Strict):
    """Where data sets come from. A kind of source is a class of this and one of DatasetConfig.

    A kind that has a stage keeps them in two modules: what the one imports makes the source again, what the other
    imports its data sets.

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
        """Modules in which the code of the source's own stage begins, beside that of the stage itself."""
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
