"""Memory and time of making training examples out of a large collection.

    python bench/bench_data_memory.py [--passages 1000000] [--triples 500000] [--negatives 1]

Random passages of 20 to 90 words, queries and scored triples in files as the pipeline keeps them; then `build_examples`
of one epoch in this process. Prints the resident memory before, the peak, and what the tokens take. Writes
bench/results/data_memory.json.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

WORDS = 30_000
BATCH = 16_384


def sentences(count: int, shortest: int, longest: int, chance: np.random.Generator) -> list[str]:
    """Words drawn with the steep frequencies of a language."""
    lengths = chance.integers(shortest, longest + 1, count)
    words = np.array([f"w{number}" for number in range(WORDS)], dtype=object)
    drawn = words[(WORDS ** chance.random(int(lengths.sum()))).astype(np.int64) % WORDS]
    return [" ".join(part) for part in np.split(drawn, np.cumsum(lengths)[:-1])]


def parts(total: int) -> Iterator[range]:
    """Numbers of the rows that are written together."""
    for first in range(0, total, BATCH):
        yield range(first, min(first + BATCH, total))


def write(folder: Path, passages: int, triples: int, negatives: int) -> None:
    """Collection, triples with teacher scores, and a tokenizer."""
    chance = np.random.default_rng(0)
    asked = triples // negatives
    tables: dict[str, tuple[int, Any]] = {
        "corpus.parquet": (
            passages,
            lambda rows: {
                "id": [f"{n:07d}" for n in rows],
                "title": [""] * len(rows),
                "text": sentences(len(rows), 20, 90, chance),
            },
        ),
        "queries.parquet": (
            asked,
            lambda rows: {
                "id": [f"q{n}" for n in rows],
                "text": sentences(len(rows), 3, 12, chance),
                "group": [""] * len(rows),
            },
        ),
        "triples.parquet": (
            triples,
            lambda rows: {
                "query_id": [f"q{n // negatives}" for n in rows],
                "positive_id": [f"{(n // negatives * 7919) % passages:07d}" for n in rows],
                "negative_id": [f"{n:07d}" for n in chance.integers(0, passages, len(rows))],
                "positive_score": chance.random(len(rows), np.float32),
                "negative_score": chance.random(len(rows), np.float32),
            },
        ),
    }
    for name, (total, make) in tables.items():
        writer: pq.ParquetWriter | None = None
        for rows in parts(total):
            table = pa.table(make(rows))
            writer = writer or pq.ParquetWriter(folder / name, table.schema, compression="zstd")
            writer.write_table(table)
        if writer is not None:
            writer.close()
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from support.oracle import write_manifest

    write_manifest(folder)
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    (folder / "vocab.txt").write_text("\n".join([*special, *(f"w{number}" for number in range(WORDS))]))


def measure(folder: Path, negatives: int) -> dict[str, Any]:
    """Megabytes of 2^20 bytes and seconds."""
    from transformers import BertTokenizerFast

    from rescalade.models.splade_config import as_trained
    from rescalade.training.build_examples import build_examples
    from rescalade.training.settings import TrainSettings

    tokenizer = BertTokenizerFast(str(folder / "vocab.txt"))
    settings = TrainSettings(batch_size=64, loss="margin-mse", negatives=negatives)
    before = peak()
    start = time.perf_counter()
    how, triples = as_trained(settings, "fp32", "causal", "bert"), pq.read_table(folder / "triples.parquet")
    examples = build_examples(folder, triples, tokenizer, settings, how, 0)
    seconds = time.perf_counter() - start
    tokens = (examples.queries.numbers.nbytes + examples.documents.numbers.nbytes) / 2**20
    return {
        "before_mb": before,
        "peak_mb": peak(),
        "added_mb": peak() - before,
        "tokens_mb": tokens,
        "added_besides_tokens_mb": peak() - before - tokens,
        "seconds": seconds,
        "examples": len(examples),
        "texts": len(examples.queries) + len(examples.documents),
    }


def peak() -> float:
    """Largest resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Write, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--passages", type=int, default=1_000_000)
    parser.add_argument("--triples", type=int, default=500_000)
    parser.add_argument("--negatives", type=int, default=1)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # in another process, whose memory does not count
        maker = multiprocessing.get_context("spawn").Process(
            target=write, args=(folder, chosen.passages, chosen.triples, chosen.negatives)
        )
        maker.start()
        maker.join()
        if maker.exitcode:
            raise SystemExit(maker.exitcode)
        found = measure(folder, chosen.negatives)
    print(json.dumps(found, indent=1))
    from rescalade.pipeline.records import environment

    path = Path(__file__).parent / "results" / "data_memory.json"
    row = {**vars(chosen), **found}
    made = {"made": environment(), "command": " ".join(["python", "bench/bench_data_memory.py", *sys.argv[1:]])}
    path.write_text(json.dumps({**row, **made}, indent=1) + "\n")


if __name__ == "__main__":
    main()
