"""Ranked lists in TREC run format: query Q0 document rank score tag."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator, Sequence
from io import BufferedWriter
from pathlib import Path

from rescalade.atomic import atomic_file
from rescalade.errors import UserError, let_refusals_through

Hit = tuple[str, float]


def write_run(path: Path, rankings: Iterable[tuple[str, Sequence[Hit]]], tag: str) -> None:
    """Write rankings in their order, gzipped where the name ends in .gz; equal content gives equal bytes.

    Raises:
        UserError: an id contains white space, which the format cannot hold.
    """
    with atomic_file(path) as temporary, temporary.open("wb") as raw, _packing(raw, path) as packed:
        for query, hits in rankings:
            words = " ".join(["q" + query, *("d" + document for document, _ in hits)]).split()
            if len(words) != 1 + len(hits) or not query or not all(document for document, _ in hits):
                raise UserError(f"query {query!r}: its id or a document's is empty or holds white space; a run cannot")
            lines = [
                f"{query} Q0 {document} {rank} {score!r} {tag}\n" for rank, (document, score) in enumerate(hits, 1)
            ]
            packed.write("".join(lines).encode())


def _packing(raw: BufferedWriter, path: Path) -> BufferedWriter | gzip.GzipFile:
    if path.suffix != ".gz":
        return raw
    return gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=1)


def iterate_run(path: Path) -> Iterator[tuple[str, list[Hit]]]:
    """Queries with their hits in the order of the file, of which only one query is in memory.

    Raises:
        UserError: the file is missing, cut short or not in the format.
    """
    current, hits = "", list[Hit]()
    try:
        with gzip.open(path, "rt", encoding="utf-8", newline="\n") as stream:
            for line in stream:
                query, _, document, _, score, _ = line.split(" ")
                if query != current:
                    if hits:
                        yield current, hits
                    current, hits = query, []
                hits.append((document, float(score)))
    except (OSError, EOFError, ValueError) as error:
        let_refusals_through(error)
        raise UserError(f"{path}: cannot be read as a run ({error}); delete it and run again") from None
    if hits:
        yield current, hits
