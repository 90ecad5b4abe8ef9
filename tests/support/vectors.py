"""Small sparse vectors for tests, and a brute force that shares nothing with the search."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rescalade.atomic import sha256
from rescalade.vectors.manifest_file import DataDigests, LeftOut, Removed, VectorsManifest
from rescalade.vectors.vectors import MANIFEST, QUERIES, SparseVectors, shard_name, write_vectors

Row = dict[int, float]


def vectors(rows: Sequence[Row], prefix: str = "d") -> SparseVectors:
    """One text per row of {term: weight}."""
    offsets = np.cumsum([0, *map(len, rows)]).astype(np.int64)
    entries = [entry for row in rows for entry in sorted(row.items())]
    return SparseVectors(
        [f"{prefix}{number}" for number in range(len(rows))],
        offsets,
        np.array([term for term, _ in entries], np.int32),
        np.array([weight for _, weight in entries], np.float32),
    )


def sparse(dense: NDArray[np.float32], prefix: str = "d") -> SparseVectors:
    """One text per row of a dense matrix, its zeros left out."""
    return vectors([{int(t): float(row[t]) for t in np.flatnonzero(row)} for row in dense], prefix)


def shards(whole: SparseVectors, count: int) -> list[SparseVectors]:
    """The same texts in `count` shards, some perhaps empty."""
    bounds = np.linspace(0, len(whole), count + 1).astype(int)
    found = []
    for start, stop in pairwise(bounds):
        offsets = whole.offsets[start : stop + 1]
        part = slice(offsets[0], offsets[-1])
        found.append(SparseVectors(whole.ids[start:stop], offsets - offsets[0], whole.terms[part], whole.weights[part]))
    return found


def row(texts: SparseVectors, number: int) -> Row:
    """One text as {term: weight}."""
    part = slice(texts.offsets[number], texts.offsets[number + 1])
    return dict(zip(texts.terms[part].tolist(), texts.weights[part].tolist(), strict=True))


def brute_force(documents: SparseVectors, query: Row, depth: int) -> tuple[list[int], list[float]]:
    """Every document scored in Python's float64, the most query weight per document with the term first; full sort."""
    scored = []
    frequency = Counter(
        term for number in range(len(documents)) for term, weight in row(documents, number).items() if weight
    )
    order = sorted(
        (term for term in query if frequency[term]),
        key=lambda term: (-float(np.float32(query[term])) / frequency[term], term),
    )
    for number in range(len(documents)):
        document, total = row(documents, number), 0.0
        for term in order:
            total += float(np.float32(query[term])) * document.get(term, 0.0)
        if total > 0:
            scored.append((-total, number))
    scored.sort()
    return [number for _, number in scored[:depth]], [-score for score, _ in scored[:depth]]


def write_folder(
    folder: Path,
    documents: Sequence[SparseVectors],
    queries: SparseVectors,
    vocabulary: int,
    model: str = "m" * 64,
    **changes: Any,
) -> VectorsManifest:
    """A folder of encoded texts with its manifest, in which `changes` are made."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [shard_name(number) for number in range(len(documents))]
    for name, part in zip([*names, QUERIES], [*documents, queries], strict=True):
        write_vectors(folder / name, part)
    nothing = Removed(postings=0.0, weight=0.0)
    manifest = VectorsManifest(
        vocabulary=vocabulary,
        documents=sum(map(len, documents)),
        queries=len(queries),
        postings=sum(part.postings for part in documents),
        shards=tuple(names),
        weights="float32",
        model=model,
        sha256={name: sha256(folder / name) for name in [*names, QUERIES]},
        tokenizer="t" * 64,
        data=DataDigests(corpus="c" * 64, queries="q" * 64),
        settings={"document_length": 16, "pool_special_tokens": True, "top_terms": None, "weights": "float32"},
        state="ok",
        active_terms=10.0,
        non_finite_texts=0,
        bounded_shards=0,
        left_out=LeftOut(by_cap=nothing, by_storage=nothing),
        corpus=None,
    ).model_copy(update=changes)
    manifest.write(folder / MANIFEST)
    return manifest
