"""How large data sets are before they are made: by what is there, by the configuration, or by their kind."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeVar

from rescalade.collection_manifest import CollectionManifest, TriplesManifest
from rescalade.config import Config
from rescalade.paths import Paths
from rescalade.pipeline.graph import output
from rescalade.stored import OlderSchemaError, Stored

Kind = TypeVar("Kind", bound=Stored)


def known(kind: type[Kind], path: Path) -> Kind | None:
    """A file that a stage left; None where there is none, or one of an older schema, which will be made again.

    A plan must come out of any folder, also of a half-made or an older one.

    Raises:
        UserError: it is damaged.
    """
    try:
        return kind.read_or_none(path)
    except OlderSchemaError:
        return None


def documents(config: Config, paths: Paths, name: str) -> int | None:
    """Documents of a data set, None where nobody knows before it is made."""
    dataset = config.dataset(name)
    if dataset.corpus is not None:
        return documents(config, paths, dataset.corpus)
    return _made(paths, name, "documents") or dataset.documents or dataset.listed("docs")


def queries(config: Config, paths: Paths, name: str) -> int | None:
    """Queries of a data set, None where nobody knows before it is made."""
    dataset = config.dataset(name)
    return _made(paths, name, "queries") or dataset.queries or dataset.listed("queries")


def examples(config: Config, paths: Paths, name: str, recipe: str) -> int | None:
    """Training examples of a recipe: its triples, as made, as the source brings them, or one per query.

    A recipe takes at most as many triples of a query and a positive as an example has negatives.
    """
    negatives = config.recipe_named(recipe).train.negatives
    made = known(TriplesManifest, output(paths, "triples", "manifest", dataset=name, recipe=recipe))
    if made is not None:
        return made.triples // negatives
    brought = _made(paths, name, "triples")
    if brought is not None:
        return min(brought // negatives, _made(paths, name, "judgements") or brought)
    about = config.dataset(name).triples
    return queries(config, paths, name) if about is None else about // negatives


def _made(paths: Paths, name: str, what: Literal["documents", "queries", "judgements", "triples"]) -> int | None:
    manifest = known(CollectionManifest, output(paths, "collection", "manifest", dataset=name))
    count: int | None = None if manifest is None else getattr(manifest.counts, what)
    return count
