"""A collection selected from docstring pairs: each query has one relevant document."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from rescalade.collection_manifest import CollectionProtocol
from rescalade.data.pydoc.pairs import Pair
from rescalade.data.pydoc.source import read_pairs
from rescalade.data.streams import CollectionStreams, Facts
from rescalade.data.writer import as_streams
from rescalade.errors import UserError
from rescalade.texts.collection import CORPUS, QRELS, QUERIES, Collection

ORIGIN = "docstrings of installed Python packages: one-line summary -> rest of the documentation"
LICENCE = "each package's own licence; the texts are read where they are installed and not redistributed"


def open_pairs(
    folder: Path,
    packages: Sequence[str],
    part: str,
    *,
    held_out: float,
    per_package: int | None = None,
    limit: int | None = None,
) -> CollectionStreams:
    """Pairs of a source's folder as streams; see `select_pairs`.

    Raises:
        UserError: the pairs are missing or damaged, or nothing is left of them.
    """
    pairs, manifest = read_pairs(folder)
    chosen = select_pairs(pairs, packages, part, held_out=held_out, per_package=per_package, limit=limit)
    versions = {name: counts["version"] for name, counts in manifest["packages"].items()}
    streams = as_streams(as_collection(chosen))
    return CollectionStreams(streams.documents, streams.queries, streams.judgements, facts(versions, packages))


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


def as_collection(pairs: Sequence[Pair]) -> Collection:
    """Queries q/ID, documents d/ID, grade 1 for each query's own document; the group is the package."""
    return Collection(
        corpus=pa.Table.from_pylist(
            [{"id": f"d/{pair.id}", "title": "", "text": pair.document} for pair in pairs], schema=CORPUS
        ),
        queries=pa.Table.from_pylist(
            [{"id": f"q/{pair.id}", "text": pair.query, "group": pair.package} for pair in pairs], schema=QUERIES
        ),
        qrels=pa.Table.from_pylist(
            [{"query_id": f"q/{pair.id}", "document_id": f"d/{pair.id}", "grade": 1} for pair in pairs], schema=QRELS
        ),
    )


def facts(versions: dict[str, str], packages: Sequence[str]) -> Facts:
    """Origin, licence, versions and protocol for the manifest."""
    return Facts(
        origin=ORIGIN,
        licence=LICENCE,
        packages={name: versions[name] for name in packages},
        protocol=CollectionProtocol(
            document="text only (no titles)",
            grades=None,
            judgements="one relevant document per query, grade 1",
            candidates="all documents of the set",
        ),
    )


def _on_side(pair: Pair, part: str, held_out: float) -> bool:
    return part == "all" or (pair.position < held_out) == (part == "held-out")


def _sample(pairs: Sequence[Pair], size: int) -> list[Pair]:
    return sorted(pairs, key=lambda pair: hashlib.blake2b(pair.id.encode(), digest_size=16).digest())[:size]
