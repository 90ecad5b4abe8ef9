"""Files that stages hand each other: read whole, or refused in one line that says what is wrong and what to do."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from rescalade.errors import UserError
from rescalade.stored import OlderSchemaError, Stored
from rescalade.strict import Strict
from support.stored_files import FILES


class Inner(Strict):
    height: float


class Example(Stored):
    """A file as any."""

    schema_version: int = 2
    name: str
    heights: tuple[Inner, ...]
    age: int | None


EXAMPLE = Example(name="é", heights=(Inner(height=math.nan), Inner(height=-math.inf)), age=None)


def written(path: Path, **changes: Any) -> Path:
    """The example with changed keys; `...` takes a key away."""
    values = {"schema_version": 2, "name": "é", "heights": [{"height": 1.5}], "age": 3} | changes
    path.write_text(json.dumps({key: value for key, value in values.items() if value is not ...}), encoding="utf-8")
    return path


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "new" / "example.json"
    EXAMPLE.write(path)
    assert json.loads(path.read_text(encoding="utf-8"))["schema_version"] == 2
    found = Example.read(path)
    assert (found.name, found.age) == ("é", None)
    assert math.isnan(found.heights[0].height) and found.heights[1].height == -math.inf


def test_only_a_file_that_is_not_there_is_none(tmp_path: Path) -> None:
    assert Example.read_or_none(tmp_path / "none.json") is None
    assert Example.read_or_none(written(tmp_path / "file.json") / "inside.json") is None
    with pytest.raises(UserError, match=r"none\.json is missing; run the stage that makes it first"):
        Example.read(tmp_path / "none.json")
    with pytest.raises(UserError, match="cannot be read"):
        Example.read_or_none(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"age": ...}, "age: expected this key, found none"),
        ({"size": 3}, "size: expected no such key, found 3"),
        ({"age": "3"}, "age: expected a valid integer, found '3'"),
        ({"age": 3.5}, "age: expected a valid integer.*, found 3.5"),
        ({"name": None}, "name: expected a valid string, found None"),
        ({"heights": [{"height": 1}, {"height": "2"}]}, r"heights\[1\].height: expected a valid number, found '2'"),
        ({"heights": [{}], "age": ...}, r"heights\[0\].height: expected this key, found none \(and 1 more\)"),
        ({"schema_version": "2"}, "schema_version: expected 2, found '2'"),
    ],
)
def test_a_wrong_file_is_one_line(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=rf"example\.json: {message}; delete it and make it again$") as caught:
        Example.read(written(tmp_path / "example.json", **changes))
    assert not isinstance(caught.value, OlderSchemaError)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[1]", "3", '"{}"'])
def test_what_is_no_object_is_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "example.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"example\.json.+; delete it and make it again$") as caught:
        Example.read_or_none(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("found", "said"), [(1, "1"), (..., "none")])
def test_an_older_schema_says_so_whatever_else_differs(tmp_path: Path, found: Any, said: str) -> None:
    path = written(tmp_path / "example.json", schema_version=found, age=...)
    with pytest.raises(OlderSchemaError, match=f"expected 2, found {said}: an older version .+; delete it and"):
        Example.read(path)


def test_a_newer_schema_is_not_to_be_deleted(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="expected 2, found 3: a newer version") as caught:
        Example.read(written(tmp_path / "example.json", schema_version=3))
    assert "delete" not in str(caught.value)


def keys(value: Any, place: tuple[int | str, ...] = ()) -> Iterator[tuple[int | str, ...]]:
    """Every key of a model's fields, those of models inside it too; not those of mappings, which are data."""
    if isinstance(value, Strict):
        for name in type(value).model_fields:
            yield (*place, name)
            yield from keys(getattr(value, name), (*place, name))
    elif isinstance(value, (tuple, list)):
        for number, item in enumerate(value[:1]):
            yield from keys(item, (*place, number))
    elif isinstance(value, Mapping):
        for name, item in list(value.items())[:1]:
            yield from keys(item, (*place, name))


PLACES = [(file, place) for file in FILES for place in keys(file) if place != ("schema_version",)]
ANY = ("settings",)
"""Of a record: whatever JSON a stage's settings are."""


def changed(path: Path, file: Stored, place: tuple[int | str, ...], change: str) -> None:
    """Write the file with one key missing, renamed or of a wrong type."""
    file.write(path)
    values = json.loads(path.read_text(encoding="utf-8"))
    inner = values
    for part in place[:-1]:
        inner = inner[part]
    if change == "wrong":
        inner[place[-1]] = [[]]
    else:
        found = inner.pop(place[-1])
        if change == "renamed":
            inner[f"{place[-1]}_"] = found
    path.write_text(json.dumps(values), encoding="utf-8")


@pytest.mark.parametrize(
    ("file", "place"), PLACES, ids=[f"{type(file).__name__}-{'.'.join(map(str, place))}" for file, place in PLACES]
)
@pytest.mark.parametrize("change", ["missing", "renamed", "wrong"])
def test_every_key_counts(tmp_path: Path, file: Stored, place: tuple[int | str, ...], change: str) -> None:
    if change == "wrong" and place == ANY:
        return
    path = tmp_path / "file.json"
    changed(path, file, place, change)
    with pytest.raises(UserError, match=rf"{place[-1]}.*: expected .+, found .+; {file.again}$"):
        type(file).read(path)


@pytest.mark.parametrize("file", FILES, ids=lambda file: type(file).__name__)
def test_every_file_is_read_as_it_was_written(tmp_path: Path, file: Stored) -> None:
    file.write(tmp_path / "file.json")
    assert type(file).read(tmp_path / "file.json") == file


@pytest.mark.parametrize("file", FILES, ids=lambda file: type(file).__name__)
def test_every_file_without_a_version_is_an_older_one(tmp_path: Path, file: Stored) -> None:
    changed(tmp_path / "file.json", file, ("schema_version",), "missing")
    with pytest.raises(OlderSchemaError, match=f"schema_version: expected {file.schema_version}, found none"):
        type(file).read(tmp_path / "file.json")
