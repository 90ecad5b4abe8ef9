"""How large data sets are before they are made: from what is there, the configuration, or ir_datasets' own tables."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rescalade.config import Config
from rescalade.paths import Paths
from rescalade.pipeline.plan.reading import json_or_nothing

TABLES = "etc"
"""Folder of ir_datasets with metadata.json (counts) and downloads.json (addresses, sizes); read, not imported."""


def documents(config: Config, paths: Paths, name: str) -> int | None:
    """Documents of a data set, None where nobody knows before it is made."""
    dataset = config.dataset(name)
    if dataset.corpus is not None:
        return documents(config, paths, dataset.corpus)
    return _made(paths, name, "documents") or dataset.documents or _listed(dataset.id, "docs") or dataset.limit


def queries(config: Config, paths: Paths, name: str) -> int | None:
    """Queries of a data set, likewise."""
    dataset = config.dataset(name)
    return _made(paths, name, "queries") or dataset.queries or _listed(dataset.id, "queries") or dataset.limit


def examples(config: Config, paths: Paths, name: str, recipe: str) -> int | None:
    """Training triples: counted where they are made, else those that the source brings, else one per query."""
    path = paths.dataset(name) / f"triples-{recipe}.json"
    made = json_or_nothing(path).get("triples")
    if made:
        return int(made)
    return _made(paths, name, "triples") or config.dataset(name).triples or queries(config, paths, name)


def downloads(identity: str) -> dict[str, int]:
    """Bytes by address that ir_datasets downloads for the documents, queries and judgements of an id."""
    top, *rest = identity.split("/")
    entries = _flat(_table("downloads.json").get(top, {}))
    for length in range(len(rest), 0, -1):
        own = entries.get("/".join(rest[:length]))
        if own is not None:  # an archive of its own, as those of BEIR
            return own
    prefixes = ["/".join(rest[:length]) for length in range(len(rest) + 1)]
    found: dict[str, int] = {}
    for key, sizes in entries.items():
        place, _, kind = key.rpartition("/")
        wanted = kind in ("docs", "queries", "qrels") if place else kind not in ("medmarco_ids",)
        if place in prefixes and wanted:
            found |= sizes
    return found


def _flat(entries: Any, prefix: str = "") -> dict[str, dict[str, int]]:
    """{key/key: {address: bytes}} of a part of downloads.json."""
    if not isinstance(entries, dict):
        return {}
    if "url" in entries or "size_hint" in entries:
        return {prefix: {str(entries.get("url", prefix)): int(entries.get("size_hint") or 0)}}
    found: dict[str, dict[str, int]] = {}
    for key, value in entries.items():
        found |= _flat(value, f"{prefix}/{key}" if prefix else key)
    return found


def _listed(identity: str | None, kind: str) -> int | None:
    table = _table("metadata.json")
    for _ in range(5):  # references lead to references
        entry = table.get(identity or "", {}).get(kind, {})
        if "_ref" not in entry:
            count = entry.get("count")
            return None if count is None else int(count)
        identity = entry["_ref"]
    return None


def _made(paths: Paths, name: str, what: str) -> int | None:
    count = json_or_nothing(paths.dataset(name) / "manifest.json").get("counts", {}).get(what)
    return None if count is None else int(count)


@cache
def _table(name: str) -> dict[str, Any]:
    spec = find_spec("ir_datasets")
    if spec is None or spec.origin is None:
        return {}
    return json_or_nothing(Path(spec.origin).parent / TABLES / name)
