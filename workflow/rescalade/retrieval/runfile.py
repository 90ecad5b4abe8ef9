"""Ranked lists in TREC run format, gzipped: query Q0 document rank score tag."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from rescalade.atomic import atomic_file
from rescalade.errors import UserError

Hit = tuple[str, float]


def write_run(path: Path, rankings: Iterable[tuple[str, Sequence[Hit]]], tag: str) -> None:
    """Write rankings in their order; equal content gives equal bytes.

    Raises:
        UserError: an id contains white space, which the format cannot hold.
    """
    with atomic_file(path) as temporary, temporary.open("wb") as raw:
        with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=6) as packed:
            text = io.TextIOWrapper(packed, encoding="utf-8", newline="\n")
            for query, hits in rankings:
                for rank, (document, score) in enumerate(hits, 1):
                    if len(query.split()) != 1 or len(document.split()) != 1:
                        raise UserError(
                            f"query {query!r}, document {document!r}: ids in a run must not contain white space"
                        )
                    text.write(f"{query} Q0 {document} {rank} {score!r} {tag}\n")
            text.flush()


def read_run(path: Path) -> dict[str, list[Hit]]:
    """Hits by query in the order of the file.

    Raises:
        UserError: the file is missing, cut short or not in the format.
    """
    try:
        return _collect(_lines(path))
    except (OSError, EOFError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as a run ({error}); delete it and run again") from None


def _lines(path: Path) -> Iterator[str]:
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        yield from stream


def _collect(lines: Iterable[str]) -> dict[str, list[Hit]]:
    found: dict[str, list[Hit]] = {}
    for line in lines:
        query, _, document, _, score, _ = line.split()
        found.setdefault(query, []).append((document, float(score)))
    return found
