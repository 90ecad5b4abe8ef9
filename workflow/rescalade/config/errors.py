"""Turns validation failures into one line that names the place in the file and the nearest valid name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from rescalade.errors import UserError, nearest

Location = tuple[int | str, ...]


class Lines:
    """Line numbers of every key of some YAML files, the later file winning."""

    def __init__(self) -> None:
        self._places: dict[Location, tuple[Path, int]] = {}

    def add(self, path: Path, node: yaml.Node | None, location: Location = ()) -> None:
        """Remember where the keys of one file, or of the part of it at a location, stand.

        Raises:
            UserError: a mapping has a key twice, of which YAML's readers keep the last without a word.
        """
        inside: list[tuple[int | str, yaml.Node, yaml.Node]] = []
        if isinstance(node, yaml.MappingNode):
            _refuse_repeated(path, node, location)
            inside = [(str(key.value), key, value) for key, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            inside = [(number, value, value) for number, value in enumerate(node.value)]
        for part, mark, value in inside:
            self._places[(*location, part)] = (path, mark.start_mark.line + 1)
            self.add(path, value, (*location, part))

    def update(self, other: Lines) -> None:
        """Take over the places of another file."""
        self._places.update(other._places)

    def place(self, location: Location) -> str:
        """`file, line N: ` of the nearest enclosing key that stands in a file, or nothing."""
        found = self._nearest(location)
        return "" if found is None else f"{found[0]}, line {found[1]}: "

    def where(self, location: Location) -> str:
        """file:N of that key, with catalogue/FILE for files of the catalogue; nothing where no file has it."""
        found = self._nearest(location)
        if found is None:
            return ""
        path, line = found
        shown = "/".join(path.parts[-2:]) if path.parent.name == "catalogue" else str(path)
        return f"{shown}:{line}"

    def _nearest(self, location: Location) -> tuple[Path, int] | None:
        for length in range(len(location), 0, -1):
            if location[:length] in self._places:
                return self._places[location[:length]]
        return None


MERGE = "tag:yaml.org,2002:merge"
"""Tag of the key `<<`, which may stand several times: all that it names is merged."""


def _refuse_repeated(path: Path, node: yaml.MappingNode, location: Location) -> None:
    first: dict[tuple[str, str], int] = {}
    for key, _ in node.value:
        same, line = (key.tag, str(key.value)), key.start_mark.line + 1
        if same in first and key.tag != MERGE:
            lines = f"lines {first[same]} and {line}" if first[same] != line else f"line {line}"
            raise UserError(
                f"{path}, {lines}: {dotted((*location, same[1]))} is there twice, and only the last would count; "
                "write all of it in one place"
            )
        first[same] = line


def explain(error: ValidationError, lines: Lines, fields_at: Any) -> UserError:
    """The first failure of a pydantic validation as one line.

    Args:
        fields_at: callable from a location to the valid field names there.
    """
    first = error.errors(include_url=False)[0]
    location = tuple(first["loc"])
    if location[:1] == ("sources",):
        location = (*location[:2], *location[3:])  # without the kind that pydantic puts behind the source's name
    kind, message = first["type"], first["msg"]
    more = "" if error.error_count() == 1 else f" ({error.error_count() - 1} more after this one)"
    if kind == "extra_forbidden":
        message = f"unknown key; {nearest(str(location[-1]), fields_at(location[:-1]))}"
    elif kind == "missing":
        message = "this key is required"
    elif kind != "whole_message":
        found = first.get("input")
        if isinstance(found, str) and kind.startswith(("float", "int")) and _is_number(found):
            right = _yaml_number(found)
            message = f"a number is expected, YAML reads {found!r} as text; write {float(found)!r} as {right}"
        else:
            message = f"{message.removeprefix('Value error, ')}; found {found!r}"
    return UserError(f"{lines.place(location)}{dotted(location)}: {message}{more}")


def dotted(location: Sequence[int | str]) -> str:
    """recipes.paper.learning_rate, experiments.mini.grid[0].scales[1]."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else str(part))
    return text or "the file"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _yaml_number(text: str) -> str:
    """3e-5 -> 3.0e-5: YAML 1.1 wants a point in the mantissa and a sign in the exponent."""
    mantissa, _, exponent = text.lower().partition("e")
    if "." not in mantissa:
        mantissa += ".0"
    if exponent and exponent[0] not in "+-":
        exponent = "+" + exponent
    return f"{mantissa}e{exponent}" if exponent else mantissa
