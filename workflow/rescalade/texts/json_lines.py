"""JSON lines of a user: one object on each line, values as texts."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rescalade.errors import UserError
from rescalade.texts.text_lines import Place, text_lines

log = logging.getLogger(__name__)

SHOWN = 40
"""Characters of what was found that a message shows."""


class Literal(str):
    """A number as it is written in the file: `1984` and `1.0` stay what they are where a text is asked for."""

    __slots__ = ()


# made once: json.loads would make one for each line. A missing value is NaN as pandas and json.dumps write it.
_DECODER = json.JSONDecoder(parse_int=Literal, parse_float=Literal, parse_constant=lambda _: None)


def json_lines(path: Path) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Place and object of each line that is not blank. A number is a `Literal`, NaN and Infinity are None.

    Half of a surrogate pair, which some programs leave where they cut a text, becomes U+FFFD, with a warning for the
    first line that has one.

    Raises:
        UserError: a line is no JSON object, or as `text_lines`.
    """
    warned = False
    for place, line in text_lines(path):
        try:
            value = _DECODER.decode(line)
            whole = _whole(value) if "\\ud" in line or "\\uD" in line else value
        except (ValueError, RecursionError) as error:
            why = error.msg if isinstance(error, json.JSONDecodeError) else "too deeply nested"
            raise UserError(
                f"{place}: not JSON ({why}): {line[:SHOWN]!r}; one JSON object on each line is expected"
            ) from None
        if not isinstance(value, dict):
            raise UserError(f"{place}: {kind(value)} found, one JSON object on each line is expected")
        if whole is not value and not warned and whole != value:
            log.warning("%s: half of a surrogate pair, U+FFFD stands for it; so in any later line", place)
            warned = True
        yield place, whole


def text_field(row: Mapping[str, Any], key: str, place: Place | str, *, missing: str | None = None) -> str:
    """A field as a text: a text, or a number as it is written.

    Args:
        missing: what stands for a field that is not there or null; None where it must be there.

    Raises:
        UserError: it is not there, or neither a text nor a number.
    """
    value = row.get(key)
    if type(value) is str:  # nearly always
        return value
    if value is None and missing is not None:
        return missing
    if isinstance(value, int | float) and not isinstance(value, bool):  # of a file with types of its own, as Parquet
        return str(value)
    if not isinstance(value, str):
        raise UserError(f"{place}: {key} is expected to be a text, found {kind(value)}")
    return str(value)


def kind(value: Any) -> str:
    """What a value is, in words."""
    names = {bool: "true or false", list: "a list", dict: "an object", type(None): "null", Literal: "a number"}
    return names.get(type(value), "a text" if isinstance(value, str) else type(value).__name__)


def _whole(value: Any) -> Any:
    """A value whose texts can be written as UTF-8."""
    if isinstance(value, str):
        return type(value)(value.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
    if isinstance(value, dict):
        return {_whole(key): _whole(inner) for key, inner in value.items()}
    return [_whole(inner) for inner in value] if isinstance(value, list) else value
