"""The catalogue: data sets, backbones, recipes and experiments that come with the package, beneath every configuration.

A file of the user goes over it key by key. Naming something that is there with other contents is said; making it
something of another kind is an error, since keys of both kinds would be mixed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from rescalade.config.errors import Lines
from rescalade.config.files import merge, read_file
from rescalade.errors import UserError

FOLDER = Path(__file__).resolve().parents[1] / "catalogue"


@dataclass(frozen=True)
class Catalogue:
    """values: entries by subject (sources, datasets, ...) and name. lines: where they stand."""

    values: Mapping[str, Mapping[str, Any]]
    lines: Lines


@cache
def read_catalogue(folder: Path = FOLDER) -> Catalogue:
    """All files of a folder, in the order of their names.

    Raises:
        UserError: two files define one name, or a file is no sound YAML of subjects, names and entries.
    """
    values: dict[str, dict[str, Any]] = {}
    lines = Lines()
    for path in sorted(folder.glob("*.yaml")):
        own = Lines()
        for subject, entries in read_file(path, own).items():
            if not isinstance(entries, dict):
                raise UserError(f"{own.place((subject,))}{subject}: names with entries are expected")
            for name, entry in entries.items():
                if name in values.setdefault(subject, {}):
                    raise UserError(
                        f"{own.where((subject, name))}: {subject}.{name} is defined at {lines.where((subject, name))} "
                        "too; take one of them out"
                    )
                values[subject][name] = entry
        lines.update(own)
    return Catalogue(values, lines)


def over_catalogue(catalogue: Catalogue, values: Mapping[str, Any], lines: Lines) -> tuple[dict[str, Any], list[str]]:
    """The catalogue with a user's keys over it, and a line for each entry that both have with different contents.

    Args:
        lines: where the user's keys stand.

    Raises:
        UserError: an entry is of another kind than the catalogue's of that name.
    """
    merged = merge(catalogue.values, values)
    notices = []
    for subject, name, own in _shared(catalogue, values):
        entry, here, there = catalogue.values[subject][name], (subject, name), catalogue.lines.where((subject, name))
        mine = merged[subject][name]
        if subject == "backbones" and "model_type" not in own and mine.get("id") != entry.get("id"):
            mine.pop("model_type", None)  # the catalogue's is that of its own model
        kinds = _kind(merged, subject, mine), _kind(catalogue.values, subject, entry)
        if None not in kinds and kinds[0] != kinds[1]:
            raise UserError(
                f"{lines.where(here)}: {subject}.{name} is {kinds[0]} here, but {kinds[1]} in the catalogue ({there}); "
                "give yours another name"
            )
        changed = [key for key in own if key not in entry or mine[key] != entry[key]]
        if changed:
            kept = [key for key in entry if key in mine and key not in own]
            stays = f"; from there come {', '.join(kept)}" if kept else ""
            notices.append(
                f"{lines.where(here)}: {subject}.{name} goes over the catalogue's ({there}): {', '.join(changed)} "
                f"changed{stays}"
            )
    return merged, notices


def _shared(catalogue: Catalogue, values: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Subject, name and the user's entry of everything that the catalogue has as well."""
    for subject, entries in catalogue.values.items():
        own = values.get(subject)
        for name in entries if isinstance(own, dict) else ():
            if isinstance(own, dict) and isinstance(own.get(name), dict) and isinstance(entries[name], dict):
                yield subject, name, own[name]


def _kind(values: Mapping[str, Any], subject: str, entry: Mapping[str, Any]) -> str | None:
    """Of what kind an entry is, in words; None where its subject has no kinds, or the entry does not say."""
    if subject == "datasets":
        source = values.get("sources", {}).get(entry.get("source"))
        return f"of a source of kind {source['kind']}" if isinstance(source, dict) and "kind" in source else None
    key = {"sources": "kind", "backbones": "source"}.get(subject)
    return f"of {key} {entry[key]}" if key is not None and key in entry else None
