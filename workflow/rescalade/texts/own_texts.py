"""Reads a user's own texts: TSV with an id and a text, or JSON lines with id, perhaps title, and text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa

from rescalade.atomic import sha256
from rescalade.errors import UserError
from rescalade.texts.collection import CORPUS
from rescalade.texts.text_parts import Texts, table_texts


def read_texts(path: Path) -> Texts:
    """Texts of a file; a text may be empty, an id may not and stands once.

    Raises:
        UserError: the file is missing or not in one of the formats; the line is named.
    """
    kinds = {".tsv": _tsv, ".jsonl": _json}
    if path.suffix not in kinds:
        raise UserError(f"{path}: expected a file called .tsv (id, tab, text) or .jsonl (id, title, text)")
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    rows, seen = [], dict[str, int]()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        place = f"{path}, line {number}"
        try:
            row = kinds[path.suffix](line.decode("utf-8").rstrip("\r"), place)
        except UnicodeDecodeError:
            raise UserError(f"{place}: not valid UTF-8") from None
        if row["id"] in seen:
            raise UserError(f"{place}: id {row['id']!r} stands in line {seen[row['id']]} already")
        seen[row["id"]] = number
        rows.append(row)
    return table_texts(pa.Table.from_pylist(rows, schema=CORPUS), sha256(path))


def no_texts() -> Texts:
    """The empty side of an encoding of documents or queries alone."""
    return table_texts(CORPUS.empty_table(), "none")


def _tsv(line: str, place: str) -> dict[str, str]:
    name, tab, text = line.partition("\t")
    if not tab or not name.strip():
        raise UserError(f"{place}: expected an id, a tab and a text, found {line[:40]!r}")
    return {"id": name.strip(), "title": "", "text": text}


def _json(line: str, place: str) -> dict[str, str]:
    try:
        row: Any = json.loads(line)
    except ValueError:
        raise UserError(f"{place}: not JSON: {line[:40]!r}") from None
    name = row.get("id", row.get("_id")) if isinstance(row, dict) else None
    if name in (None, "") or not isinstance(row.get("text"), str):
        raise UserError(f"{place}: expected an object with id (or _id) and text, found {line[:40]!r}")
    return {"id": str(name), "title": str(row.get("title") or ""), "text": row["text"]}
