"""The header of an index on disk: what is in it, how large its files are, and their checksums."""

from __future__ import annotations

import hashlib
import json
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rescalade.atomic import read_json, write_json
from rescalade.errors import UserError

HEADER = "header.json"
FORMAT = 3
FILES: dict[str, type[np.generic]] = {
    "first": np.int64,
    "offsets": np.int64,
    "documents": np.uint16,
    "weights": np.float32,
    "maxima": np.float32,
    "frequencies": np.int64,
    "names": np.uint8,
    "name_offsets": np.int64,
}
"""Files of an index, `NAME.bin`, and the little-endian type of their numbers."""


@dataclass(frozen=True)
class Header:
    """What an index holds, what it was made from, and its files.

    model: digest of the model that encoded the documents; vectors: digest of their manifest; both may be empty.
    bytes, crc32: of every file by name.
    """

    format: int
    vocabulary: int
    documents: int
    postings: int
    blocks: int
    model: str
    vectors: str
    bytes: dict[str, int]
    crc32: dict[str, int]


def write_header(folder: Path, header: Header) -> None:
    """Write the header, the last of all files: an index without one is none."""
    values = asdict(header)
    write_json(folder / HEADER, {**values, "checksum": _checksum(values)})


def read_header(folder: Path) -> Header:
    """The header, after comparing it with its checksum and the files with it.

    Raises:
        UserError: it is missing, damaged, of another version, or a file does not have its size.
    """
    if not (folder / HEADER).is_file():
        raise UserError(
            f"{folder}: no index there ({HEADER} is missing); `rescalade index RUN DATASET` makes one of a run, "
            "`rescalade search … --vectors FOLDER --index FOLDER` one of texts of your own"
        )
    values: Any = read_json(folder / HEADER)
    if not isinstance(values, dict) or values.pop("checksum", None) != _checksum(values):
        raise UserError(f"{folder / HEADER}: wrong checksum, the file is damaged; {_again(folder)}")
    if values["format"] != FORMAT:
        raise UserError(f"{folder}: index format {values['format']} found, {FORMAT} expected; {_again(folder)}")
    header = Header(**values)
    for name in FILES:
        path = folder / f"{name}.bin"
        found = path.stat().st_size if path.is_file() else None
        if found != header.bytes[name]:
            what = "is missing" if found is None else f"has {found:,} bytes, {header.bytes[name]:,} expected"
            raise UserError(f"{path} {what}; {_again(folder)}")
    return header


def verify(folder: Path) -> None:
    """Compare the content of every file with its checksum, about a second per gigabyte.

    Raises:
        UserError: a file is missing or damaged.
    """
    header = read_header(folder)
    for name, expected in header.crc32.items():
        found = 0
        with (folder / f"{name}.bin").open("rb") as stream:
            while piece := stream.read(1 << 22):
                found = zlib.crc32(piece, found)
        if found != expected:
            raise UserError(f"{folder / name}.bin: wrong checksum, the file is damaged; {_again(folder)}")


def check_origin(folder: Path, *, model: str = "", vectors: str = "") -> None:
    """Refuse an index of other vectors than those asked with; digests that are empty on a side are not compared.

    Raises:
        UserError: the index was built from vectors of another model, or from others of this model.
    """
    header = read_header(folder)
    if model and header.model and header.model != model:
        raise UserError(
            f"{folder}: the index is of model {header.model[:12]}…, the queries are of model {model[:12]}…; "
            "encode both with one model, then index again"
        )
    if vectors and header.vectors and header.vectors != vectors:
        raise UserError(f"{folder}: the index was built from other vectors of this model; {_again(folder)}")


def _again(folder: Path) -> str:
    return f"delete {folder} and index again"


def _checksum(values: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
