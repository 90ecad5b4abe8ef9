"""Peak memory of the stages that go through a whole corpus of text: mined triples, given triples, BM25.

    python bench/bench_mining_memory.py [--documents 1000000] [--queries 20000] [--given 26000000]

A synthetic collection of passages as long as MS MARCO's (56 words, Zipf over a million words), written once; then every
stage in a process of its own, whose peak resident memory must stay below 2 GB. With --library, bm25s, which the words
and the formula come from, indexes the same texts. Writes bench/results/mining_memory.json.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from measure import staged
from rescalade.atomic import write_json

LIMIT_MB = 2000
WORDS, PASSAGE_WORDS, QUERY_WORDS = 1_000_000, 56, 6
BATCH = 16_384
QUERIES_TIMED = 200


def passages(count: int, words: int, seed: int) -> Iterator[list[str]]:
    """Texts in batches: word ranks by a Zipf-Mandelbrot law, written in base 36."""
    random = np.random.default_rng(seed)
    law = np.cumsum(1 / (np.arange(WORDS) + 2.7))
    names = np.array([f"w{np.base_repr(number, 36).lower()}" for number in range(WORDS)], object)
    for start in range(0, count, BATCH):
        lengths = np.maximum(3, random.poisson(words, min(BATCH, count - start)))
        drawn = names[np.searchsorted(law, random.random(int(lengths.sum())) * law[-1])]
        yield [" ".join(part) for part in np.split(drawn, np.cumsum(lengths)[:-1])]


def make(folder: str, documents: str, queries: str, given: str) -> dict[str, Any]:
    """A collection, one judged document per query; and given triples, 50 negatives for every pair."""
    path = Path(folder)
    with pq.ParquetWriter(path / "corpus.parquet", pa.schema([(n, pa.string()) for n in ("id", "title", "text")])) as w:
        first = 0
        for texts in passages(int(documents), PASSAGE_WORDS, 1):
            ids = [str(number) for number in range(first, first + len(texts))]
            w.write_table(pa.table({"id": ids, "title": [""] * len(ids), "text": texts}))
            first += len(ids)
    texts = [text for part in passages(int(queries), QUERY_WORDS, 2) for text in part]
    names = [f"q{number}" for number in range(len(texts))]
    pq.write_table(pa.table({"id": names, "text": texts, "group": [""] * len(names)}), path / "queries.parquet")
    judged = np.random.default_rng(3).integers(0, first, len(names)).astype(str)
    grades = pa.array(np.ones(len(names)), pa.int32())
    qrels = pa.table({"query_id": names, "document_id": judged, "grade": grades})
    pq.write_table(qrels, path / "qrels.parquet")
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from support.oracle import write_manifest

    write_manifest(path)
    schema = pa.schema([(n, pa.string()) for n in ("query_id", "positive_id", "negative_id")])
    random = np.random.default_rng(4)
    (path / "with-given").mkdir()
    with pq.ParquetWriter(path / "with-given" / "given-triples.parquet", schema, compression="zstd") as w:
        for start in range(0, int(given), 1_000_000):
            rows = np.arange(start, min(start + 1_000_000, int(given))) // 50
            columns = [rows.astype(str), rows.astype(str), random.integers(0, first, len(rows)).astype(str)]
            w.write_table(pa.table(columns, schema=schema))
    write_manifest(path / "with-given", brings_triples=True)
    return {"corpus_mb": (path / "corpus.parquet").stat().st_size / 1e6}


def mine(folder: str) -> dict[str, Any]:
    """`rescalade triples` with mined negatives."""
    from rescalade.triples.settings import TriplesSettings
    from rescalade.triples.triples_stage import make_triples

    return make_triples(Path(folder), Path(folder) / "triples-mined.parquet", TriplesSettings()).model_dump()


def given(folder: str) -> dict[str, Any]:
    """`rescalade triples` with given ones."""
    from rescalade.triples.settings import TriplesSettings
    from rescalade.triples.triples_stage import make_triples

    path = Path(folder) / "with-given"
    return make_triples(path, path / "triples.parquet", TriplesSettings(negatives=8)).model_dump()


def rank(folder: str) -> dict[str, Any]:
    """`rescalade bm25`: the first 1,000 of every query."""
    from rescalade.retrieval.bm25 import rank_collection
    from rescalade.scoring.runfile import write_run

    scratch = Path(folder) / "scratch"
    scratch.mkdir()
    write_run(Path(folder) / "bm25.trec.gz", rank_collection(Path(folder), scratch, 1000), "bm25")
    shutil.rmtree(scratch)
    return {"run_mb": (Path(folder) / "bm25.trec.gz").stat().st_size / 1e6}


def index(folder: str) -> dict[str, Any]:
    """Our index alone, for the words of all queries, and the first 20 of some."""
    from rescalade.retrieval.bm25 import Bm25, collection_parts

    asked = pq.read_table(Path(folder) / "queries.parquet")["text"].to_pylist()
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        begun = time.process_time()
        found = Bm25(collection_parts(Path(folder)), [asked], Path(scratch), "words")
        built = time.process_time()
        found.search(asked[:2], 20)  # the compiled kernel is loaded
        start = time.process_time()
        found.search(asked[:QUERIES_TIMED], 20)
        taken = time.process_time() - start
        size = sum(path.stat().st_size for path in Path(scratch).rglob("*") if path.is_file())
    return {"index_cpu_s": built - begun, "ms_a_query": taken / QUERIES_TIMED * 1e3, "index_mb": size / 1e6}


def library(folder: str) -> dict[str, Any]:
    """bm25s on the same texts: its index, and the first 20 of every query."""
    import bm25s

    texts = pq.read_table(Path(folder) / "corpus.parquet")["text"].to_pylist()
    begun = time.process_time()
    index = bm25s.BM25(method="lucene", k1=0.9, b=0.4)
    index.index(bm25s.tokenize(texts, stopwords="en", show_progress=False), show_progress=False)
    asked = pq.read_table(Path(folder) / "queries.parquet")["text"].to_pylist()[:QUERIES_TIMED]
    start = time.process_time()
    index.retrieve(
        bm25s.tokenize(asked, stopwords="en", return_ids=False, show_progress=False), k=20, show_progress=False
    )
    taken = time.process_time() - start
    return {"index_cpu_s": start - begun, "ms_a_query": taken / len(asked) * 1e3}


def watch(peak: list[float]) -> None:
    """Keep the largest private memory of this process, without the pages of mapped files, which can be dropped."""
    while True:
        status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        peak[0] = max(peak[0], int(status["RssAnon"].split()[0]) / 1024)
        time.sleep(0.05)


def main() -> None:
    """Measure, print and write."""
    if sys.argv[1:2] == ["--stage"]:
        name, *words = sys.argv[2:]
        own = [0.0]
        threading.Thread(target=watch, args=(own,), daemon=True).start()
        begun = time.process_time()
        found = {**globals()[name](*words), "cpu_s": time.process_time() - begun, "peak_private_mb": own[0]}
        print(json.dumps({**found, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=20_000)
    parser.add_argument("--given", type=int, default=26_000_000, help="rows of given triples")
    parser.add_argument("--library", action="store_true", help="measure bm25s too; 4 GB for a million passages")
    options = parser.parse_args()
    from rescalade.pipeline.records import environment

    with tempfile.TemporaryDirectory() as folder:
        rows = {"make": staged(__file__, "make", folder, options.documents, options.queries, options.given)}
        for stage in ("mine", "given", "rank", "index", *(["library"] if options.library else [])):
            rows[stage] = staged(__file__, stage, folder)
    result = {"options": vars(options), "limit_mb": LIMIT_MB, "stages": rows, "made": environment()}
    if options.documents >= 1_000_000:
        write_json(Path(__file__).parent / "results" / "mining_memory.json", result)
    over = [name for name in ("mine", "given", "rank", "index") if rows[name]["peak_mb"] > LIMIT_MB]
    if over:
        raise SystemExit(f"above {LIMIT_MB} MB: {', '.join(over)}")


if __name__ == "__main__":
    main()
