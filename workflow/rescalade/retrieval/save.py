"""Writes an index that is in memory, or mapped from another folder, to disk."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rescalade.errors import UserError
from rescalade.retrieval.document_ids import pack_names
from rescalade.retrieval.header import FILES, FORMAT, Header, write_header
from rescalade.retrieval.index import InvertedIndex

SLICE = 65_536
"""Ids that are packed at a time."""


def save_index(folder: Path, index: InvertedIndex) -> Header:
    """Write an index into an existing, empty folder: the bytes that `write_index` makes of the same blocks.

    Raises:
        UserError: the disk is full.
    """
    sizes, sums = dict.fromkeys(FILES, 0), dict.fromkeys(FILES, 0)
    for name in FILES:
        try:
            with (folder / f"{name}.bin").open("wb") as stream:
                for piece in _pieces(index, name):
                    whole = np.ascontiguousarray(piece, FILES[name])
                    data = (whole if sys.byteorder == "little" else whole.byteswap()).reshape(-1).view(np.uint8).data
                    stream.write(data)
                    sizes[name] += data.nbytes
                    sums[name] = zlib.crc32(data, sums[name])
        except OSError as failure:
            raise UserError(
                f"{folder}: the index of {index.bytes / 1e6:,.0f} MB cannot be written ({failure.strerror}); free "
                "space and save again"
            ) from None
    counts = index.vocabulary, len(index), len(index.documents), len(index.first) - 1
    header = Header(FORMAT, *counts, index.model, "", sizes, sums)
    write_header(folder, header)
    return header


def _pieces(index: InvertedIndex, name: str) -> Iterator[NDArray[Any]]:
    """Content of a file, ids a slice at a time."""
    if name not in ("names", "name_offsets"):
        yield getattr(index, name)
        return
    end = 0
    if name == "name_offsets":
        yield np.zeros(1, np.int64)
    for start in range(0, len(index), SLICE):
        text, lengths = pack_names(index.ids[start : start + SLICE])
        yield text if name == "names" else np.cumsum(lengths) + end
        end += len(text)
