"""Lines of a user's text file, plain or gzipped, as UTF-8 without byte-order marks; refusals name file and line."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from rescalade.errors import UserError

GZIP = b"\x1f\x8b"
BYTE_ORDER_MARK = "\ufeff"
UTF_16 = (b"\xff\xfe", b"\xfe\xff")


class Place(NamedTuple):
    """A line of a file, counted from 1, as messages name it."""

    path: Path
    line: int

    def __str__(self) -> str:
        return f"{self.path}, line {self.line}"


def text_lines(path: Path) -> Iterator[tuple[Place, str]]:
    r"""Place and text of each line that is not blank, without its end.

    A line ends in \n or \r\n and nowhere else: texts may hold any other character that some call a line break. Whether
    a file is gzipped its first bytes say, not its name.

    Raises:
        UserError: the file cannot be read, is no UTF-8, is called .gz without being gzipped, or is damaged.
    """
    place = Place(path, 0)
    try:
        with path.open("rb") as raw:
            packed = raw.peek(2)[:2] == GZIP
            if not packed and path.suffix.lower() == ".gz" and raw.peek(1):
                raise UserError(f"{path}: it is called .gz and is not gzipped; pack it, or take .gz out of its name")
            stream = io.BufferedReader(gzip.GzipFile(fileobj=raw)) if packed else raw
            for number, line in enumerate(cast("BinaryIO", stream), 1):
                place = Place(path, number)
                text = _decoded(line, place)
                if text.strip():
                    yield place, text
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        after = f", after line {place.line}" if place.line else ""
        why = " ".join(str(error).split())
        raise UserError(f"{path}{after}: truncated or damaged ({why}); replace the file") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from None


def _decoded(line: bytes, place: Place) -> str:
    # without a mark every other byte of Western text is 0
    if place.line == 1 and (line.startswith(UTF_16) or line.count(0) * 3 > len(line)):
        raise UserError(f"{place}: UTF-16 found, UTF-8 is expected; save the file as UTF-8")
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{place}: not valid UTF-8 (0x{line[error.start]:02x}, byte {error.start + 1} of the line); save "
            "the file as UTF-8"
        ) from None
    # of any line: files that were put together have the marks of each
    return text.lstrip(BYTE_ORDER_MARK).removesuffix("\n").removesuffix("\r")
