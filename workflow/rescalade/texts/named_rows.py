"""Files of texts with ids, as users have them: JSON lines or a table, plain or gzipped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from rescalade.errors import UserError
from rescalade.texts.json_lines import json_lines, text_field
from rescalade.texts.text_lines import Place
from rescalade.texts.text_table import Layout, table_rows

JSON = (".jsonl", ".json")
TABLE = (".tsv",)
KINDS = (".jsonl", ".tsv", ".json")
"""In the order in which a folder is looked through."""

_NAMES = {
    "id": "id _id did docid doc_id docno pid passage_id qid queryid query_id document_id corpus_id question_id",
    "title": "title headline",
    "text": "text contents content body passage document query question abstract",
}
TITLED = Layout((("id", "text"), ("id", "title", "text")), _NAMES)
UNTITLED = Layout((("id", "text"),), _NAMES)


class NamedRow(NamedTuple):
    """A text with its id, and a title that may be empty."""

    place: Place
    id: str
    title: str
    text: str


def kind_of(path: Path) -> str | None:
    """The ending that says how a file is read, in lower case and without .gz; None where it is none of `KINDS`."""
    name = path.name.lower().removesuffix(".gz")
    return next((kind for kind in KINDS if name.endswith(kind)), None)


def named_rows(path: Path, layout: Layout = TITLED) -> Iterator[NamedRow]:
    """The texts of a file in their order; ids are not empty, and of a table without blanks at their ends.

    JSON lines have `_id`, or else `id`, perhaps `title`, and `text`.

    Args:
        layout: `UNTITLED` for a table whose texts have no title.

    Raises:
        UserError: the file is not there, of another kind or damaged, or a line is not in its format; it is named.
    """
    kind = kind_of(path)
    if kind is None:
        raise UserError(
            f"{path}: expected a file called .tsv (id, tab, text) or .jsonl or .json (id, title, text), plain or .gz"
        )
    if kind in TABLE:
        for place, cells in table_rows(path, layout):
            row = NamedRow(place, cells["id"].strip(), cells.get("title", ""), cells["text"])
            if not row.id:
                raise UserError(f"{place}: the id is empty; expected an id, a tab and a text")
            yield row
        return
    for place, values in json_lines(path):
        key = "_id" if values.get("_id") is not None else "id"
        if values.get(key) == "":
            raise UserError(f"{place}: the id is empty; {key} is expected to name each text")
        if values.get(key) is not None and "text" in values and values["text"] is None:
            raise UserError(f'{place}: text is null; a text is expected, "" where there is none')
        if values.get(key) is None or values.get("text") is None:
            found = ", ".join(values) or "nothing"
            raise UserError(f"{place}: an object with _id (or id) and text is expected, found {found[:60]}")
        yield NamedRow(
            place, text_field(values, key, place), text_field(values, "title", place, missing=""),
            text_field(values, "text", place),
        )  # fmt: skip
