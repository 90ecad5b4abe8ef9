"""Sparse vectors that others have written: JSON lines as Anserini reads them, expanded queries as text, and CIFF.

Terms are what the files call them, numbered as they come: documents and queries share one vocabulary.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rescalade.errors import UserError
from rescalade.retrieval.ciff_file import ciff_lists
from rescalade.texts.json_lines import json_lines, kind, text_field
from rescalade.texts.text_lines import Place, text_lines
from rescalade.vectors.vectors import SparseVectors

IDS = ("_id", "id", "docid")
"""Keys of an id, of which the first that is there counts."""
Vocabulary = dict[str, int]
"""Number of each term."""


def given_documents(path: Path, vocabulary: Vocabulary) -> SparseVectors:
    """Documents of a folder or file of JSON lines, or of a CIFF file; `vocabulary` learns their terms.

    Raises:
        UserError: there is no such file, or something in it is no vector.
    """
    if ".ciff" in path.suffixes:
        return _of_ciff(path, vocabulary)
    if not path.is_dir():
        return _packed(_json_rows(path, vocabulary), path)
    files = sorted(file for pattern in ("*.jsonl", "*.jsonl.gz", "*.json", "*.json.gz") for file in path.glob(pattern))
    if not files:
        raise UserError(f"{path}: no vectors are there; expected files *.jsonl, plain or gzipped, or a .ciff file")
    return _packed((row for file in files for row in _json_rows(file, vocabulary)), path)


def given_queries(path: Path, vocabulary: Vocabulary) -> SparseVectors:
    """Queries of a file of JSON lines; or of text, `id<TAB>term term term`, where a term counts as often as it stands.

    Raises:
        UserError: there is no such file, or something in it is no vector.
    """
    if ".tsv" in path.suffixes or ".txt" in path.suffixes:
        return _packed(_text_rows(path, vocabulary), path)
    return _packed(_json_rows(path, vocabulary), path)


Row = tuple[str, list[int], list[float]]
"""An id, its terms and their weights."""


def _json_rows(path: Path, vocabulary: Vocabulary) -> Iterator[Row]:
    """Lines of an id and `vector`, an object of weights by term."""
    for place, row in json_lines(path):
        key = next((name for name in IDS if row.get(name) is not None), IDS[0])
        vector = row.get("vector")
        if not isinstance(vector, Mapping):
            raise UserError(f"{place}: `vector` is expected, an object of weights by term, found {kind(vector)}")
        terms, weights = [], []
        for term, weight in vector.items():
            if (value := _weight(weight, term, place)) > 0:
                terms.append(vocabulary.setdefault(term, len(vocabulary)))
                weights.append(value)
        yield text_field(row, key, place), terms, weights


def _weight(value: Any, term: str, place: Place) -> float:
    try:
        found = math.nan if isinstance(value, bool) or value is None else float(value)
    except (TypeError, ValueError):
        found = math.nan
    if not math.isfinite(found) or found < 0:
        raise UserError(f"{place}: term {term[:40]!r}: a weight of at least 0 is expected, found {str(value)[:40]!r}")
    return found


def _text_rows(path: Path, vocabulary: Vocabulary) -> Iterator[Row]:
    for place, line in text_lines(path):
        identity, tab, text = line.partition("\t")
        if not tab:
            raise UserError(f"{place}: id, a tab and the query's terms are expected, found {line[:40]!r}")
        counts = Counter(text.split())
        yield (
            identity.strip(),
            [vocabulary.setdefault(term, len(vocabulary)) for term in counts],
            list(map(float, counts.values())),
        )


def _of_ciff(path: Path, vocabulary: Vocabulary) -> SparseVectors:
    """Postings by term, turned round: by document, its terms ascending."""
    lists, names = ciff_lists(path)
    documents: list[NDArray[np.int64]] = []
    terms: list[NDArray[np.int32]] = []
    weights: list[NDArray[np.float32]] = []
    for name, numbers, values in lists:
        documents.append(numbers)
        terms.append(np.full(len(numbers), vocabulary.setdefault(name, len(vocabulary)), np.int32))
        weights.append(values.astype(np.float32))
    row = np.concatenate([np.zeros(0, np.int64), *documents])
    term = np.concatenate([np.zeros(0, np.int32), *terms])
    order = np.lexsort((term, row))
    offsets = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=len(names)))]).astype(np.int64)
    found = np.concatenate([np.zeros(0, np.float32), *weights])
    return SparseVectors(names, offsets, term[order], found[order])


def _packed(rows: Iterable[Row], path: Path) -> SparseVectors:
    ids: list[str] = []
    lengths: list[int] = []
    terms: list[NDArray[np.int32]] = [np.zeros(0, np.int32)]
    weights: list[NDArray[np.float32]] = [np.zeros(0, np.float32)]
    for identity, own, values in rows:
        ids.append(identity)
        lengths.append(len(own))
        numbers = np.asarray(own, np.int32)
        order = np.argsort(numbers, kind="stable")
        terms.append(numbers[order])
        weights.append(np.asarray(values, np.float32)[order])
    if not ids:
        raise UserError(f"{path}: no vector is in it")
    if len(set(ids)) < len(ids):
        twice = next(name for name, count in Counter(ids).items() if count > 1)
        raise UserError(f"{path}: id {twice!r} stands twice; keep one of them")
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return SparseVectors(ids, offsets, np.concatenate(terms), np.concatenate(weights))
