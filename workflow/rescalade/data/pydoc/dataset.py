"""Data sets of docstrings: pairs of some packages on one side of the split."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from rescalade.collection_manifest import CollectionProtocol
from rescalade.data.dataset_config import DatasetConfig
from rescalade.data.development import in_development
from rescalade.data.pydoc.pair_file import PAIRS, Pair, PydocManifest
from rescalade.data.streams import CollectionStreams, Document, Facts, Judgement, Query
from rescalade.errors import UserError

if TYPE_CHECKING:
    from rescalade.data.pydoc.source import PydocSource

FACTS = Facts(
    origin="docstrings of installed Python packages: one-line summary -> rest of the documentation",
    licence="each package's own licence; the texts are read where they are installed and not redistributed",
    protocol=CollectionProtocol(
        document="text only (no titles)",
        grades=None,
        judgements="one relevant document per query, grade 1",
        candidates="all documents of the set",
    ),
)


class PydocDataset(DatasetConfig):
    """Keys of a data set of docstrings, beside those of DatasetConfig."""

    packages: list[str] = Field(
        min_length=1, description="Packages whose docstrings are taken; `stdlib` is Python's own."
    )
    part: Literal["train", "held-out", "development", "all"] = Field(
        "all",
        description="Side of the split. development: a tenth of the held-out queries, by a hash of their text, for "
        "choosing settings; held-out: the rest of them. Both have the documents of all held-out pairs.",
    )
    per_package: int | None = Field(None, ge=1, description="At most this many pairs of each package.")
    limit: int | None = Field(None, ge=1, description="At most this many pairs in all.")

    def open(self, name: str, source: PydocSource, folder: Path | None) -> CollectionStreams:
        """Pairs of some packages on one side of the split; their order is that of their ids.

        Raises:
            UserError: the pairs are missing or damaged, or nothing is left of them.
        """
        import pyarrow.parquet as pq

        from rescalade.texts.collection import check_file

        assert folder is not None, "the pairs are made by a stage"  # noqa: S101
        manifest = PydocManifest.read(folder / "manifest.json")
        check_file(folder, PAIRS, manifest.sha256)
        missing = [package for package in self.packages if package not in manifest.packages]
        if missing:
            raise UserError(f"data set {name}: {folder} was made without package {missing[0]}; make the source again")
        pairs = select_pairs(
            [Pair(**row) for row in pq.read_table(folder / PAIRS).to_pylist()],
            self.packages,
            self.part,
            held_out=source.held_out,
            per_package=self.per_package,
            limit=self.limit,
        )
        versions = {package: manifest.packages[package].version for package in self.packages}
        return pair_streams(pairs, versions, self.part)

    def wants(self) -> Sequence[str]:
        """Packages whose docstrings are to be extracted."""
        return self.packages

    def listed(self, what: Literal["docs", "queries"]) -> int | None:
        """The limit, above which no set has documents or queries."""
        return self.limit


def select_pairs(
    pairs: Sequence[Pair],
    packages: Sequence[str],
    part: str,
    *,
    held_out: float,
    per_package: int | None = None,
    limit: int | None = None,
) -> list[Pair]:
    """Pairs of some packages on one side of the split (train, held-out or all), in order of their ids.

    Parts `held-out` and `development` are on the same side: they differ in the queries that are asked of it.
    Where a limit cuts, the pairs with the smallest hash of their id stay: a fixed sample that does not
    depend on what else there is.

    Raises:
        UserError: nothing is left.
    """
    chosen = [pair for pair in pairs if pair.package in set(packages) and _on_side(pair, part, held_out)]
    if per_package is not None:
        chosen = [p for name in packages for p in _sample([q for q in chosen if q.package == name], per_package)]
    if limit is not None:
        chosen = _sample(chosen, limit)
    if not chosen:
        raise UserError(f"no pair of {', '.join(packages)} on side {part!r}; choose other packages or another part")
    return sorted(chosen, key=lambda pair: pair.id)


def pair_streams(pairs: Sequence[Pair], versions: dict[str, str], part: str = "all") -> CollectionStreams:
    """Queries q/ID, documents d/ID, grade 1 for each query's own document; the group is the package.

    Documents are those of all pairs. Of the queries of the held-out side, parts `held-out` and `development` have
    theirs alone.

    Raises:
        UserError: no query is of the part.
    """
    asked = pairs
    if part in ("held-out", "development"):
        asked = [pair for pair in pairs if in_development(pair.query) == (part == "development")]
    if not asked:
        raise UserError(f"none of the {len(pairs)} held-out queries is in part {part!r}; take more packages")
    return CollectionStreams(
        documents=lambda: (Document(f"d/{pair.id}", "", pair.document) for pair in pairs),
        queries=lambda: (Query(f"q/{pair.id}", pair.query, pair.package) for pair in asked),
        judgements=lambda: (Judgement(f"q/{pair.id}", f"d/{pair.id}", 1) for pair in asked),
        facts=FACTS.model_copy(update={"packages": versions}),
    )


def _on_side(pair: Pair, part: str, held_out: float) -> bool:
    return part == "all" or (pair.position < held_out) == (part != "train")


def _sample(pairs: Sequence[Pair], size: int) -> list[Pair]:
    return sorted(pairs, key=lambda pair: hashlib.blake2b(pair.id.encode(), digest_size=16).digest())[:size]
