"""Vectors of a data set in the format of another engine, with a record of what that changes."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rescalade.atomic import write_json
from rescalade.errors import UserError
from rescalade.export.ciff import write_ciff
from rescalade.export.formats import FORMATS, ciff_query
from rescalade.export.limits import LIMITS, Checked, clauses
from rescalade.export.quantise import SCALE, Quantised, divided, divisor
from rescalade.export.texts import PART_BYTES, lines, with_terms, write_parts
from rescalade.retrieval.index import InvertedIndex
from rescalade.retrieval.search import search
from rescalade.retrieval.storage import load_index, write_index
from rescalade.vectors.vectors import SparseVectors

logger = logging.getLogger(__name__)
CIFF = "ciff"
NAMES = (*FORMATS, CIFF)
RECORD = "export.json"
WHOLE = 1 << 62
"""Bytes of a part that never ends."""
NINE_BITS = 511
"""The largest integer that nine significant bits hold, and all below."""


def export(
    output: Path,
    name: str,
    shards: Iterable[SparseVectors],
    queries: SparseVectors,
    vocabulary: int,
    *,
    scale: float = SCALE,
    words: Sequence[str] | None = None,
    words_of: str | None = None,
) -> dict[str, Any]:
    """Write documents, queries and a record into an existing folder.

    Reads the shards up to three times and holds one at a time; formats with integers need room on the disk for two
    indexes while the effect on the ranking is measured.

    Args:
        name: one of NAMES.
        words: token of each vocabulary number, for vocabulary.json. words_of: the model that they were asked of by
            name, for the record.

    Returns:
        The record: format, counts, and for integers the scale, what rounding lost and the effect on the ranking.

    Raises:
        UserError: the format is unknown, the scale not above 0 or too large, or an id is one that the format cannot
            hold.
    """
    if name not in NAMES:
        raise UserError(f"unknown format {name!r}; known: {', '.join(NAMES)}")
    if not 0 < scale < float("inf"):
        raise UserError(f"scale {scale}: a number above 0 is expected")
    if words is not None:
        (output / "vocabulary.json").write_text(json.dumps(list(words)), encoding="utf-8")
    shards = Checked(shards, name)
    record: dict[str, Any] = {"format": name, "queries": len(queries)}
    if name != CIFF and not FORMATS[name].integers:
        _write_texts(output, name, shards, queries, 1)
        record |= {"weights": "float32", "effect": "none: the same vectors"}
    else:
        record |= _write_integers(output, name, shards, queries, vocabulary, scale)
    if words_of is not None:
        record["vocabulary_of"] = words_of
    _warn(record, scale)
    write_json(output / RECORD, record)
    return record


def _warn(record: Mapping[str, Any], scale: float) -> None:
    """Say what would otherwise be seen in the engine alone."""
    emptied = {what: record.get(f"{what}_emptied", 0) for what in ("documents", "queries")}
    if any(emptied.values()):
        logger.warning(
            "at scale %g no weight is left of %d documents and %d queries, which the engine will not find or answer; "
            "overlap@10 is %.3f: choose a larger --scale",
            scale, emptied["documents"], emptied["queries"], record["effect"]["overlap@10"],
        )  # fmt: skip
    if above := record.get("queries_above_limit", 0):
        logger.warning(
            "%d queries have more than %d terms, up to %d, which the engine refuses by default: raise %s there",
            above, record["query_terms_limit"], record["query_terms"], LIMITS[record["format"]].setting,
        )  # fmt: skip


def _write_integers(
    output: Path, name: str, shards: Iterable[SparseVectors], queries: SparseVectors, vocabulary: int, scale: float
) -> dict[str, Any]:
    rounded = Quantised(shards, scale)
    asking = Quantised([queries], scale)
    (asked,) = asking
    parts = 1 if name == CIFF else divisor(asked, FORMATS[name].largest_query)
    topics = with_terms(asked) if name == CIFF or FORMATS[name].topics else asked
    work = output / "indexes"
    try:
        for folder, corpus in (("exact", shards), ("rounded", rounded)):
            (work / folder).mkdir(parents=True)
            write_index(work / folder, corpus, vocabulary)
        exact, changed = load_index(work / "exact"), load_index(work / "rounded")
        effect = _effect((exact, queries), (changed, asked), (10, 1000))
        if name == CIFF:
            _write_ciff(output, changed, topics, scale)
        else:
            _write_texts(output, name, rounded, topics, parts)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    largest = rounded.rounding.largest
    return {
        "weights": f"round({scale:g} w)",
        "query_weights": f"round({scale:g} w)" + (f" / {parts}" if parts > 1 else ""),
        "queries_left_out": len(asked) - len(topics),
        **clauses(asked, name),
        "queries_emptied": asking.rounding.emptied,
        "documents_emptied": rounded.rounding.emptied,
        "documents": len(changed),
        "largest_weight": largest,
        "nine_bits_exact": name == CIFF or not FORMATS[name].nine_bits or largest <= NINE_BITS,
        "postings": rounded.rounding.kept,
        "postings_rounded_to_0": rounded.rounding.lost,
        "effect": effect,
    }


def _effect(
    exact: tuple[InvertedIndex, SparseVectors], changed: tuple[InvertedIndex, SparseVectors], depths: tuple[int, ...]
) -> dict[str, float]:
    """What integer weights do to rankings: two indexes for the same queries, each with the queries as it takes them.

    Returns:
        queries, and per depth k: overlap@k, the mean share of the exact best k that the other finds too; same@k,
        the share of queries for which the lists are equal, order included. Queries without a result count as 1.
    """
    found: dict[str, float] = {"queries": len(exact[1])}
    lists = [search(index, queries, max(depths)) for index, queries in (exact, changed)]
    for depth in depths:
        overlap, same = [], []
        for (wanted, _), (other, _) in zip(*lists, strict=True):
            best, rest = wanted[:depth], other[:depth]
            overlap.append(len(np.intersect1d(best, rest)) / len(best) if len(best) else float(not len(rest)))
            same.append(np.array_equal(best, rest))
        found[f"overlap@{depth}"] = float(np.mean(overlap)) if overlap else 1.0
        found[f"same@{depth}"] = float(np.mean(same)) if same else 1.0
    return found


def _write_texts(output: Path, name: str, shards: Iterable[SparseVectors], queries: SparseVectors, parts: int) -> None:
    chosen = FORMATS[name]
    if chosen.topics:
        _check_topics(queries, "a TSV of topics")
    size = WHOLE if chosen.one_file else PART_BYTES
    write_parts(output, chosen.documents, lines(shards, chosen.document, integers=chosen.integers), size)
    asked, integers = divided(queries, parts), chosen.integers and parts == 1
    write_parts(output, chosen.queries, lines([asked], chosen.query, integers=integers), WHOLE)
    for file, text in chosen.others.items():
        (output / file).write_text(text, encoding="utf-8")


def _write_ciff(output: Path, index: InvertedIndex, queries: SparseVectors, scale: float) -> None:
    _check_topics(queries, "a file of queries with ID:TERMS in each line", ":")
    write_ciff(output / "index.ciff", index, f"SPLADE term weights as round({scale:g} w), made by rescalade")
    write_parts(output, "queries.txt", lines([queries], ciff_query, integers=True), WHOLE)


def _check_topics(queries: SparseVectors, file: str, forbidden: str = "") -> None:
    for name in queries.ids:
        if not name or name.split() != [name]:
            raise UserError(f"query {name!r}: its id is empty or holds white space, which {file} cannot hold")
        if forbidden and forbidden in name:
            raise UserError(f"query {name!r}: its id holds {forbidden!r}, which {file} cannot hold")
