"""Measurements of bench_retrieval.py, each run as a process of its own: retrieval_stages.py STAGE FOLDER [WORDS]."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from rescalade.atomic import atomic_file
from rescalade.retrieval.search import Ranking, search
from rescalade.retrieval.storage import load_index, write_index
from rescalade.vectors.vectors import SparseVectors, read_vectors, write_vectors

VOCABULARY = 30_522
DEPTHS = (10, 1000)


class Shards:
    """The corpus on disk, one shard at a time."""

    def __init__(self, folder: Path) -> None:
        self.paths = sorted(folder.glob("shard-*.parquet"))

    def __iter__(self) -> Iterator[SparseVectors]:
        return map(read_vectors, self.paths)


def queries(folder: Path) -> SparseVectors:
    """All queries."""
    return read_vectors(folder / "queries.parquet")


def rows(vectors: SparseVectors, start: int, stop: int) -> SparseVectors:
    """Some of the vectors."""
    offsets = vectors.offsets[start : stop + 1]
    part = slice(offsets[0], offsets[-1])
    return SparseVectors(vectors.ids[start:stop], offsets - offsets[0], vectors.terms[part], vectors.weights[part])


def make(folder: Path, documents: str, count: str) -> dict[str, Any]:
    """Write the synthetic corpus; whole shards that are there already are kept."""
    import pyarrow.parquet as pq

    from splade_like import SpladeLike

    corpus = SpladeLike(int(documents))
    for number in range(len(corpus)):
        path = folder / f"shard-{number:05d}.parquet"
        if not path.is_file():
            with atomic_file(path) as temporary:
                write_vectors(temporary, corpus[number])
    postings = sum(
        pq.ParquetFile(path).metadata.row_group(group).column(1).num_values
        for path in Shards(folder).paths
        for group in range(pq.ParquetFile(path).num_row_groups)
    )
    write_vectors(folder / "queries.parquet", corpus.queries(int(count)))
    size = sum(path.stat().st_size for path in Shards(folder).paths)
    return {
        "documents": corpus.documents,
        "postings": postings,
        "parquet_mb": size / 1e6,
        "parquet_bytes_per_posting": size / postings,
    }


def build(folder: Path) -> dict[str, Any]:
    """Index from Parquet, the compiled kernels being cached."""
    warm = next(iter(Shards(folder)))
    write_index(folder / "warm", [rows(warm, 0, 10)], VOCABULARY)
    del warm
    start = time.process_time()
    header = write_index(folder / "index", Shards(folder), VOCABULARY)
    return {
        "build_cpu_s": time.process_time() - start,
        "build_peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "index_mb": sum(header.bytes.values()) / 1e6,
        "index_bytes_per_posting": sum(header.bytes.values()) / header.postings,
    }


def serve(folder: Path, depth: str) -> dict[str, Any]:
    """CPU time per query over the mapped index, and memory that is the process's own."""
    index, asked, wanted = load_index(folder / "index"), queries(folder), int(depth)
    search(index, rows(asked, 0, 1), wanted)
    touched = _touched(index, asked)
    taken = []
    for _ in range(3):
        start = time.process_time()
        found = search(index, asked, wanted)
        taken.append(time.process_time() - start)
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    results = sum(numbers.nbytes + scores.nbytes for numbers, scores in found)
    return {
        "flops": touched / len(asked) / len(index),
        f"ms_{wanted}": min(taken) / len(asked) * 1e3,
        f"private_mb_{wanted}": int(status["RssAnon"].split()[0]) / 1024,
        f"results_mb_{wanted}": results / 1e6,
    }


def _touched(index: Any, asked: SparseVectors) -> int:
    frequency = (index.offsets[:, 1:] - index.offsets[:, :-1]).sum(axis=0)
    return int(frequency[asked.terms].sum())


def start(folder: Path) -> dict[str, Any]:
    """CPU seconds of a new process up to its first answer, kernels compiled before."""
    command = [sys.executable, __file__, "first", str(folder)]
    taken = []
    for _ in range(3):
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        taken.append(json.loads(done.stdout)["cpu_s"])
    return {"start_cpu_s": min(taken)}


def first(folder: Path) -> dict[str, Any]:
    """One query in a new process."""
    search(load_index(folder / "index"), rows(queries(folder), 0, 1), 1000)
    return {"cpu_s": time.process_time()}


def _against(
    folder: Path, rounds: int, name: str, other: Callable[[SparseVectors, int], list[Any]]
) -> dict[str, float]:
    """CPU time of a contender over ours, slice of the queries by slice, in turn."""
    index, asked = load_index(folder / "index"), queries(folder)
    found: dict[str, float] = {}
    for depth in DEPTHS:
        other(rows(asked, 0, 2), depth)
        search(index, rows(asked, 0, 2), depth)
        bounds = np.linspace(0, len(asked), rounds + 1).astype(int)
        pairs = []
        for a, b in pairwise(bounds):
            part, seconds = rows(asked, int(a), int(b)), []
            for contender in (lambda p: search(index, p, depth), lambda p: other(p, depth)):  # noqa: B023
                begun = time.process_time()
                contender(part)
                seconds.append((time.process_time() - begun) / len(part))
            pairs.append(seconds)
        found[f"times_{name}_{depth}"] = median(theirs / ours for ours, theirs in pairs)
        found[f"least_times_{name}_{depth}"] = min(theirs / ours for ours, theirs in pairs)
        found[f"ms_{name}_{depth}"] = median(theirs for _, theirs in pairs) * 1e3
        found[f"ms_ours_beside_{name}_{depth}"] = median(ours for ours, _ in pairs) * 1e3
    return found


def _inverted(shards: Iterator[SparseVectors], kind: Any) -> Any:
    """Terms x documents in compressed sparse rows."""
    import scipy.sparse as sp

    matrices = [sp.csr_matrix((s.weights, s.terms, s.offsets), shape=(len(s), VOCABULARY)).tocsc() for s in shards]
    lengths = sum(matrix.indptr.astype(np.int64) for matrix in matrices)
    total, width = int(lengths[-1]), sum(matrix.shape[0] for matrix in matrices)
    numbers, weights = np.empty(total, np.int32), np.empty(total, kind)
    cursor, first = lengths[:-1].copy(), 0
    for matrix in matrices:
        counts = np.diff(matrix.indptr)
        place = np.arange(matrix.nnz) + np.repeat(cursor - matrix.indptr[:-1], counts)
        numbers[place], weights[place] = matrix.indices + first, matrix.data
        cursor += counts
        first += matrix.shape[0]
    whole = sp.csr_matrix((VOCABULARY, width), dtype=kind)
    whole.indptr, whole.indices, whole.data = lengths.astype(np.int32), numbers, weights
    return whole


def scipy(folder: Path, rounds: str) -> dict[str, Any]:
    """Q D^T with D^T inverted, then argpartition per query."""
    import scipy.sparse as sp

    inverted = _inverted(iter(Shards(folder)), np.float32)

    def retrieve(part: SparseVectors, depth: int) -> list[Ranking]:
        matrix = sp.csr_matrix((part.weights, part.terms, part.offsets), shape=(len(part), VOCABULARY))
        found = []
        for begin in range(0, len(part), 8):  # a larger batch would hold more of the product than memory takes
            product = matrix[begin : begin + 8] @ inverted
            for row in range(product.shape[0]):
                entries = slice(product.indptr[row], product.indptr[row + 1])
                numbers, scores = product.indices[entries], product.data[entries]
                if len(scores) > depth:
                    chosen = np.argpartition(-scores, depth)[:depth]
                    numbers, scores = numbers[chosen], scores[chosen]
                order = np.lexsort((numbers, -scores))
                found.append((numbers[order], scores[order]))
        return found

    return _against(folder, int(rounds), "scipy", retrieve)


def oracle(folder: Path) -> dict[str, Any]:
    """Equality of ids, order and scores with float64 products, fully sorted; and bits for 1, 3 and 10 shards."""
    import scipy.sparse as sp

    index, asked = load_index(folder / "index"), queries(folder)
    matrix = sp.csr_matrix(
        (asked.weights.astype(np.float64), asked.terms, asked.offsets), shape=(len(asked), VOCABULARY)
    )
    best: list[tuple[Any, Any]] = [(np.zeros(0, np.int64), np.zeros(0))] * len(asked)
    depth, seen = max(DEPTHS), 0
    for shard in Shards(folder):
        product = (matrix @ _inverted(iter([shard]), np.float64)).tocsr()
        for query, (numbers, scores) in enumerate(best):
            entries = slice(product.indptr[query], product.indptr[query + 1])
            numbers = np.concatenate([numbers, product.indices[entries] + seen])
            scores = np.concatenate([scores, product.data[entries]])
            order = np.lexsort((numbers, -scores))[:depth]
            best[query] = numbers[order], scores[order]
        seen += len(shard)
    ours = {wanted: search(index, asked, wanted) for wanted in DEPTHS}
    equal = sum(
        all(np.array_equal(found[query][0], best[query][0][:wanted]) for wanted, found in ours.items())
        for query in range(len(asked))
    )
    error = max(
        float(np.max(np.abs(scores - best[query][1]) / best[query][1], initial=0.0))
        for query, (_, scores) in enumerate(ours[depth])
        if len(scores) == len(best[query][1])
    )
    return {
        "oracle_equal": equal / len(asked),
        "oracle_queries": len(asked),
        "oracle_relative_error": error,
        "shards_equal": _shards_equal(folder, asked, ours[depth]),
    }


def _shards_equal(folder: Path, asked: SparseVectors, expected: list[Ranking]) -> float:
    """Share of queries with the same bits when up to 200,000 of the documents come in 1, 3 and 10 shards.

    On a larger corpus the first shards stand for it: how documents are cut plays no part after the index is built, and
    the index files are compared byte by byte as well.
    """
    from splade_like import SpladeLike

    size = min(len(load_index(folder / "index")), 200_000)
    runs, headers = [], []
    for number in (1, 3, 10):
        corpus = SpladeLike(size, shard=-(-size // number))
        target = folder / f"index-{number}"
        headers.append(write_index(target, corpus, VOCABULARY))
        runs.append(search(load_index(target), asked, max(DEPTHS)))
    if size == len(load_index(folder / "index")):
        runs.append(expected)
    same = sum(
        all(np.array_equal(run[query][part], runs[0][query][part]) for run in runs for part in (0, 1))
        for query in range(len(asked))
    )
    return same / len(asked) if len({tuple(header.crc32.values()) for header in headers}) == 1 else 0.0


def threads(folder: Path) -> dict[str, Any]:
    """Wall time of one thread over that of two, best of five each, in turn."""
    index, asked = load_index(folder / "index"), queries(folder)
    taken: dict[int, list[float]] = {1: [], 2: []}
    search(index, asked, 1000, 2)
    for _ in range(5):
        for number, seconds in taken.items():
            begun = time.perf_counter()
            found = search(index, asked, 1000, number)
            seconds.append(time.perf_counter() - begun)
            if number == 1:
                expected = found
    same = all(np.array_equal(a[part], b[part]) for a, b in zip(expected, found, strict=True) for part in (0, 1))
    return {"threads_speedup": min(taken[1]) / min(taken[2]), "threads_equal": same}


def qdrant(folder: Path, rounds: str) -> dict[str, Any]:
    """Build and search with qdrant-edge, its documents in one segment after optimisation."""
    import qdrant_edge as qe

    begun = time.process_time()
    target = folder / "qdrant"
    target.mkdir()
    shard = qe.EdgeShard.create(
        str(target), qe.EdgeConfig(sparse_vectors={"s": qe.EdgeSparseVectorParams()}, vectors={})
    )
    first = 0
    for part in Shards(folder):
        for low in range(0, len(part), 2000):
            points = []
            for row in range(low, min(low + 2000, len(part))):
                entries = slice(part.offsets[row], part.offsets[row + 1])
                vector = qe.SparseVector(part.terms[entries].tolist(), part.weights[entries].tolist())
                points.append(qe.Point(first + row, {"s": vector}, None))
            shard.update(qe.UpdateOperation.upsert_points(points))
        first += len(part)
    shard.optimize()
    shard.flush()
    built = {
        "qdrant_documents": first,
        "qdrant_build_cpu_s": time.process_time() - begun,
        "qdrant_build_peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "qdrant_mb": sum(path.stat().st_size for path in target.rglob("*") if path.is_file()) / 1e6,
    }

    def retrieve(part: SparseVectors, depth: int) -> list[Any]:
        found = []
        for row in range(len(part)):
            entries = slice(part.offsets[row], part.offsets[row + 1])
            vector = qe.SparseVector(part.terms[entries].tolist(), part.weights[entries].tolist())
            found.append(shard.query(qe.QueryRequest(query=qe.Query.Nearest(vector, using="s"), limit=depth)))
        return found

    return {**built, **_against(folder, int(rounds), "qdrant", retrieve)}


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])))
