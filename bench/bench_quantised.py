"""Queries and documents per CPU second, and bytes of weights, of a model quantised in each way that a CPU can do.

    python bench/bench_quantised.py [--layers 6] [--queries 32] [--documents 64]

A seeded BERT of SmolLM2-135M's width, heads and inner width (576, 9, 1,536) with --layers of its 30 layers, V = 30,522
and 73 active terms a text, on seeded words: documents log-normal, 62 tokens on average, queries of 8. From text to
sparse vector, by the code of `rescalade speed`: queries one by one, documents in batches of 4,096 tokens, in bf16 as
the pipeline encodes and, unquantised, in float32 too. CPU seconds of one core after warming up, so that other jobs of
the machine do not count. `distance`: of the documents' vectors from those of the unquantised model in the same
precision, as a share of their length. --compile adds torch.compile, which needs a C++ compiler.
Writes bench/results/quantised.json at the default size.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from encoding_problem import lengths_of, synthetic
from rescalade.encoding.encoder import Encoder
from rescalade.encoding.measure_speed import measure_rates
from rescalade.encoding.quantise import weight_bytes
from rescalade.encoding.settings import EncodeSettings
from rescalade.pipeline.records import environment
from rescalade.vectors.reader import SparseVectors

WIDTH, HEADS, INNER = 576, 9, 1536
QUERY_TOKENS, LENGTH = 8, 256
WAYS = (
    ("float32", "fp32", "none"),
    ("bf16", "bf16", "none"),
    ("bf16, int8-weight", "bf16", "int8-weight"),
    ("bf16, int8-dynamic", "bf16", "int8-dynamic"),
    ("bf16, int4-weight", "bf16", "int4-weight"),
)
"""Name, precision and quantisation of each row."""


def texts_of(words: list[str], documents: int, queries: int) -> tuple[list[str], list[str]]:
    """Documents and queries, a word a token."""
    lengths = [min(int(length), LENGTH - 2) for length in lengths_of(documents, np.random.default_rng(1))]
    ends = np.cumsum(lengths)
    found = [" ".join(words[end - length : end]) for end, length in zip(ends, lengths, strict=True)]
    first = int(ends[-1])
    starts = range(first, first + queries * QUERY_TOKENS, QUERY_TOKENS)
    return found, [" ".join(words[start : start + QUERY_TOKENS]) for start in starts]


def distance(one: SparseVectors, other: SparseVectors, vocabulary: int) -> float:
    """|a - b| / |b| over all vectors together."""

    def dense(vectors: SparseVectors) -> Any:
        from scipy.sparse import csr_array

        return csr_array((vectors.weights, vectors.terms, vectors.offsets), shape=(len(vectors), vocabulary))

    difference, whole = dense(one) - dense(other), dense(other)
    return float(np.sqrt((difference.data**2).sum() / (whole.data**2).sum()))


def row(folder: Path, documents: list[str], queries: list[str], how: EncodeSettings, *, compiled: bool) -> Any:
    """Rates and bytes of one way, and its vectors of the documents."""
    encoder = Encoder.load(folder, how)
    weights = weight_bytes(encoder.module)
    if compiled:
        encoder.compile()
    rates = measure_rates(encoder, queries, documents, time.process_time)
    vectors, _ = encoder.encode(
        [""] * len(documents), encoder.tokens(documents, queries=False), lambda _: None, queries=False
    )
    return {**rates.model_dump(), "weights_mb": weights / 2**20}, vectors, encoder.vocabulary


def run(layers: int, documents: int, queries: int, *, compiled: bool) -> dict[str, dict[str, float]]:
    """All ways: {name: figures}."""
    torch.set_num_threads(1)
    rows: dict[str, dict[str, float]] = {}
    plain: dict[str, SparseVectors] = {}
    with tempfile.TemporaryDirectory() as name:
        words = synthetic(Path(name), (WIDTH, layers, HEADS, INNER))
        read, asked = texts_of(words, documents, queries)
        ways = [(title, precision, how, False) for title, precision, how in WAYS]
        ways += [("bf16, torch.compile", "bf16", "none", True)] if compiled else []
        for title, precision, how, with_compile in ways:
            settings = EncodeSettings(query_length=LENGTH, document_length=LENGTH, precision=precision, quantise=how)  # type: ignore[arg-type]
            rows[title], vectors, vocabulary = row(Path(name), read, asked, settings, compiled=with_compile)
            rows[title]["distance"] = distance(vectors, plain.setdefault(precision, vectors), vocabulary)
            print(line(title, rows[title]), flush=True)
    return rows


def line(title: str, found: dict[str, float]) -> str:
    """A row as text."""
    return (
        f"{title:20s} {found['queries_per_second']:7.1f} queries/s {found['documents_per_second']:7.1f} documents/s "
        f"{found['weights_mb']:7.1f} MB of weights  distance {found['distance']:.4f}"
    )


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--documents", type=int, default=64)
    parser.add_argument("--queries", type=int, default=32)
    parser.add_argument("--compile", action="store_true")
    chosen = parser.parse_args()
    rows = run(chosen.layers, chosen.documents, chosen.queries, compiled=chosen.compile)
    if (chosen.layers, chosen.documents, chosen.queries) != (6, 64, 32):
        return  # a trial
    record = {
        "shape": {"width": WIDTH, "layers": chosen.layers, "heads": HEADS, "inner": INNER},
        "documents": chosen.documents,
        "queries": chosen.queries,
        "rows": rows,
        "made": environment(),
        "command": shlex.join(["python", "bench/bench_quantised.py", *sys.argv[1:]]),
    }
    path = Path(__file__).parent / "results" / "quantised.json"
    path.write_text(json.dumps(record, indent=1, default=dict) + "\n")


if __name__ == "__main__":
    main()
