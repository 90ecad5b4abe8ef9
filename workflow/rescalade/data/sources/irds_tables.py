"""The tables that come with ir_datasets: how large its data sets are and what they download. Read, not imported."""

from __future__ import annotations

import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

FOLDER = "etc"
"""Folder of ir_datasets with metadata.json (counts) and downloads.json (addresses, sizes)."""


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
        wanted = kind in ("docs", "queries", "qrels") if place else kind != "medmarco_ids"
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


def count(identity: str, kind: str) -> int | None:
    """Number of docs or queries of an id; None where the tables do not know it."""
    table = _table("metadata.json")
    for _ in range(5):  # references lead to references
        entry = table.get(identity, {}).get(kind, {})
        if "_ref" not in entry:
            number = entry.get("count")
            return None if number is None else int(number)
        identity = entry["_ref"]
    return None


@cache
def _table(name: str) -> dict[str, Any]:
    spec = find_spec("ir_datasets")
    if spec is None or spec.origin is None:
        return {}
    try:
        return dict(json.loads((Path(spec.origin).parent / FOLDER / name).read_text(encoding="utf-8")))
    except (OSError, ValueError):  # another version of the library, which keeps them elsewhere
        return {}
