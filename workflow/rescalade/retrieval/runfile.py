"""Ranked lists in TREC run format, gzipped: query Q0 document rank score tag."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Sequence
from pathlib import Path

from rescalade.atomic import atomic_file
from rescalade.errors import UserError

Hit = tuple[str, float]


def write_run(path: Path, rankings: Iterable[tuple[str, Sequence[Hit]]], tag: str) -> None:
    """Write rankings in their order; equal content gives equal bytes.

    Raises:
        UserError: an id contains white space, which the format cannot hold.
    """
    with (
        atomic_file(path) as temporary,
        temporary.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=1) as packed,
    ):
        for query, hits in rankings:
            words = " ".join(["q" + query, *("d" + document for document, _ in hits)]).split()
            if len(words) != 1 + len(hits) or not query or not all(document for document, _ in hits):
                raise UserError(f"query {query!r}: its id or a document's is empty or holds white space; a run cannot")
            lines = [
                f"{query} Q0 {document} {rank} {score!r} {tag}\n" for rank, (document, score) in enumerate(hits, 1)
            ]
            packed.write("".join(lines).encode())


def read_run(path: Path) -> dict[str, list[Hit]]:
    """Hits by query in the order of the file.

    Raises:
        UserError: the file is missing, cut short or not in the format.
    """
    try:
        with gzip.open(path, "rb") as stream:
            text = stream.read().decode()
        found: dict[str, list[Hit]] = {}
        for line in text.splitlines():
            query, _, document, _, score, _ = line.split(" ")
            found.setdefault(query, []).append((document, float(score)))
    except (OSError, EOFError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as a run ({error}); delete it and run again") from None
    return found
