"""Effective values of a configuration, one by one, each with the place that it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from rescalade.config.config import Config
from rescalade.config.errors import Location, dotted
from rescalade.errors import UserError, nearest

SUBJECTS = ("backbones", "datasets", "recipes", "experiments", "sources")
DEFAULT = "default"


class Value(NamedTuple):
    """A value that holds. where: file:line, or `default` where no file says it."""

    key: str
    value: Any
    where: str


def effective(config: Config, key: str = "") -> list[Value]:
    """Every value below a dotted key (recipes.paper.train), or all of them.

    Raises:
        UserError: there is no such key.
    """
    tree = config.model.model_dump(mode="json")
    location, below = _find(tree, key)
    return [
        Value(dotted(place), value, config.lines.where(place) if said else DEFAULT)
        for place, value, said in _leaves(below, location, _said(config.values, location))
        if said or value is not None
    ]


def entries(config: Config, subject: str) -> list[dict[str, str]]:
    """What there is of a subject: name, title, what it is made from or by, and where its entry stands.

    Raises:
        UserError: there is no such subject.
    """
    if subject not in SUBJECTS:
        raise UserError(f"nothing is called {subject!r}; {nearest(subject, SUBJECTS)}")
    made_by = {"datasets": "source", "backbones": "source", "experiments": "recipe", "sources": "kind"}.get(subject)
    rows = []
    for name, entry in getattr(config.model, subject).items():
        by = str(getattr(entry, made_by)) if made_by else entry.train.loss
        title = entry.source if subject == "recipes" else getattr(entry, "title", "")
        rows.append({"name": name, "title": title, made_by or "loss": by, "where": config.lines.where((subject, name))})
    return rows


def _find(tree: Any, key: str) -> tuple[Location, Any]:
    """Location and value of a dotted key; names may have dots themselves, so the longest one counts."""
    location: tuple[int | str, ...] = ()
    while key:
        keys = [str(n) for n in range(len(tree))] if isinstance(tree, list) else list(tree) if tree else []
        key = key.replace("[", ".", 1).replace("]", "", 1) if isinstance(tree, dict) and "[" in key else key
        fitting = [name for name in keys if key == name or key.startswith((f"{name}.", f"{name}["))]
        if not fitting:
            at = f" in {dotted(location)}" if location else ""
            raise UserError(f"there is no {key.partition('.')[0]!r}{at}; {nearest(key.partition('.')[0], keys)}")
        name = max(fitting, key=len)
        key = key[len(name) :].lstrip(".")
        number = int(name) if isinstance(tree, list) else name
        location, tree = (*location, number), tree[number]
        if key and not isinstance(tree, dict | list):
            raise UserError(f"{dotted(location)} is a value, {tree!r}, without keys of its own")
    return location, tree


def _leaves(tree: Any, location: Location, said: Any) -> Iterator[tuple[Location, Any, bool]]:
    """Location, value and whether a file says it, of everything below; lists of plain values stay whole."""
    nested = isinstance(tree, list) and any(isinstance(item, dict) for item in tree)
    if isinstance(tree, dict) or nested:
        for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield from _leaves(value, (*location, key), _said(said, (key,)))
    else:
        yield location, tree, said is not _NOTHING


_NOTHING = object()


def _said(values: Any, location: Location) -> Any:
    """What the files say at a place; _NOTHING where they do not."""
    for part in location:
        if isinstance(values, Mapping):
            values = next((value for key, value in values.items() if str(key) == str(part)), _NOTHING)
        elif isinstance(values, list) and isinstance(part, int) and part < len(values):
            values = values[part]
        else:
            return _NOTHING
    return values
