"""What storing weights in fewer bytes does to a ranking, measured on the vectors of a run."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from rescalade.retrieval.ranker import Ranker
from rescalade.retrieval.storage import load_index, write_index
from rescalade.scoring.measures import ALWAYS, measure
from rescalade.scoring.score import score_queries, summarise
from rescalade.vectors.files import write_vectors
from rescalade.vectors.reader import SparseVectors, read_file
from rescalade.vectors.storage import LOSSY

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
    total, measures = 0, [measure(name) for name in ALWAYS]
    for kind in kinds:
        run, size, kept = _ranked(queries, shards, vocabulary, kind)
        if not reference:
            reference, total = run, kept
        metrics = summarise(score_queries(qrels, run, measures), {})[0] if qrels else {}
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
    size = kept = 0

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shard.parquet"

        def stored() -> Iterator[SparseVectors]:
            nonlocal size, kept
            for shard in shards:
                write_vectors(path, shard, kind)
                found = read_file(path)
                size, kept = size + path.stat().st_size, kept + found.postings
                yield found

        write_index(Path(folder) / "index", stored(), vocabulary)
        run = dict(Ranker(load_index(Path(folder) / "index"), DEPTH).rankings(queries))
    return run, size, kept


def _overlap(reference: Mapping[str, Hits], run: Mapping[str, Hits]) -> float:
    shares = [
        len({name for name, _ in hits} & {name for name, _ in run[query]}) / len(hits)
        for query, hits in reference.items()
        if hits
    ]
    return float(np.mean(shares)) if shares else 1.0
