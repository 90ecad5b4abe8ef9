"""What storing weights in fewer bytes does to a ranking, measured on the vectors of a run."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from rescalade.encoding.files import write_vectors
from rescalade.encoding.reader import SparseVectors, read_file
from rescalade.encoding.storage import LOSSY
from rescalade.scoring.score import score_queries, summarise

KINDS = ("float32", *LOSSY)
DEPTH = 10
Hits = list[tuple[str, float]]


def storage_effect(
    queries: SparseVectors,
    shards: Iterable[SparseVectors],
    vocabulary: int,
    qrels: Mapping[str, Mapping[str, int]],
    kinds: Iterable[str] = KINDS,
) -> dict[str, dict[str, float]]:
    """Rank with document weights of every type, queries as they are.

    Args:
        shards: the corpus with float32 weights; gone through once per type.
        kinds: float32 first, against which the others are held.

    Returns:
        Per type: nDCG@10, MRR@10; overlap@10, the mean share of float32's ten best documents that are among
        its own; bytes per posting of the float32 vectors; left_out, the share of postings whose integer is 0.
    """
    reference: dict[str, Hits] = {}
    found: dict[str, dict[str, float]] = {}
    total = 0
    for kind in kinds:
        run, size, kept = _ranked(queries, shards, vocabulary, kind)
        if not reference:
            reference, total = run, kept
        metrics: dict[str, Any] = summarise(score_queries(qrels, run, recall=()), {})["metrics"] if qrels else {}
        found[kind] = {
            **metrics,
            "overlap@10": _overlap(reference, run),
            "bytes_per_posting": size / max(1, total),
            "left_out": 1 - kept / max(1, total),
        }
    return found


def as_table(effect: Mapping[str, Mapping[str, float]]) -> str:
    """Lines of aligned columns, one for each type."""
    names = list(next(iter(effect.values())))
    lines = [" " * 10 + "".join(f"{name:>{len(name) + 3}}" for name in names)]
    for kind, values in effect.items():
        lines.append(f"{kind:10s}" + "".join(f"{values[name]:>{len(name) + 3}.4f}" for name in names))
    return "\n".join(lines)


def _ranked(
    queries: SparseVectors, shards: Iterable[SparseVectors], vocabulary: int, kind: str
) -> tuple[dict[str, Hits], int, int]:
    """Ten best documents per query, bytes of the files and their postings."""
    matrix = _matrix(queries, vocabulary)
    best: list[list[tuple[float, int, str]]] = [[] for _ in range(len(queries))]
    first = size = kept = 0
    with tempfile.TemporaryDirectory() as folder:
        for shard in shards:
            path = Path(folder) / "shard.parquet"
            write_vectors(path, shard, kind)
            stored = read_file(path)
            size, kept = size + path.stat().st_size, kept + stored.postings
            documents = _matrix(stored, vocabulary).T.tocsc()
            for query in range(len(queries)):
                scores = (matrix[[query], :] @ documents).toarray()[0]
                numbers = _ten_best(scores)
                best[query] += [(-float(scores[n]), first + int(n), stored.ids[n]) for n in numbers]
                best[query] = sorted(best[query])[:DEPTH]
            first += len(stored)
    run = {queries.ids[q]: [(name, -score) for score, _, name in hits] for q, hits in enumerate(best)}
    return run, size, kept


def _ten_best(scores: NDArray[np.float64]) -> NDArray[np.intp]:
    """Numbers of the largest scores above 0, all that tie at the edge included."""
    candidates = np.flatnonzero(scores > 0)
    if len(candidates) > DEPTH:
        values = scores[candidates]
        candidates = candidates[values >= np.partition(values, len(values) - DEPTH)[len(values) - DEPTH]]
    return candidates


def _matrix(vectors: SparseVectors, vocabulary: int) -> scipy.sparse.csr_array:
    shape = (len(vectors), vocabulary)
    return scipy.sparse.csr_array((vectors.weights.astype(np.float64), vectors.terms, vectors.offsets), shape=shape)


def _overlap(reference: Mapping[str, Hits], run: Mapping[str, Hits]) -> float:
    shares = [
        len({name for name, _ in hits} & {name for name, _ in run[query]}) / len(hits)
        for query, hits in reference.items()
        if hits
    ]
    return float(np.mean(shares)) if shares else 1.0
