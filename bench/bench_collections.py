"""A real SPLADE model on four real collections, by the commands of the pipeline, against values known beforehand.

    python bench/bench_collections.py [NAME ...]

encode, index, search and score with splade-tiny (BERT 2x128) on Cranfield, Vaswani, SciFact and BoolQ; documents cut at
256 tokens, queries at 64. nDCG@10 has to be within .002 of what sentence-transformers and pytrec_eval give. Then
the same vectors with their weights stored in other types: what that does to the ranking, and the bytes it saves.
Needs shared/data beside the repository, and about ten minutes of one core. Adds to bench/results/collections.json.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
TOLERANCE = 0.002


def collection_row(name: str) -> dict[str, Any]:
    """Metrics of one collection, and the effect of every storage type."""
    from rescalade.export.storage_effect import storage_effect
    from rescalade.vectors.vectors import QUERIES, CorpusShards, read_vectors
    from support import real_data
    from support.oracle import PUBLISHED, RUN, lay_out, measure

    collection = getattr(real_data, name)()
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        lay_out(Path(folder), {name: collection})
        found = measure(Path(folder), name)
        seconds = time.perf_counter() - start
        vectors = Path(folder) / "results" / "runs" / RUN / "vectors" / name
        shards = CorpusShards(vectors)
        queries, vocabulary = read_vectors(vectors / QUERIES), shards.manifest.vocabulary
        effect = storage_effect(queries, shards, vocabulary, collection.relevant())
    return {
        "documents": shards.documents,
        "queries": len(queries),
        "metrics": found["metrics"],
        "expected_nDCG@10": PUBLISHED[name],
        "difference": found["metrics"]["nDCG@10"] - PUBLISHED[name],
        "active_query": found["sparsity"]["active_query"],
        "active_document": found["sparsity"]["active_document"],
        "wall_seconds": round(seconds, 1),
        "storage": effect,
    }


def main() -> None:
    """Run the collections named, all where none is."""
    from rescalade.pipeline.records import environment
    from support.oracle import PUBLISHED
    from support.real_data import SPLADE_TINY

    if not SPLADE_TINY.is_dir():
        print(f"skipped: {SPLADE_TINY} is not there")
        return
    path = Path(__file__).parent / "results" / "collections.json"
    path.parent.mkdir(exist_ok=True)
    wrong = []
    for name in sys.argv[1:] or sorted(PUBLISHED):
        row = {**collection_row(name), "made": environment(), "command": f"python bench/bench_collections.py {name}"}
        rows = json.loads(path.read_text()) if path.is_file() else {}
        path.write_text(json.dumps({**rows, name: row}, indent=1, sort_keys=True) + "\n")
        print(f"{name}: nDCG@10 {row['metrics']['nDCG@10']:.4f}, expected {row['expected_nDCG@10']:.4f}")
        for kind, values in row["storage"].items():
            print(f"  {kind:10s}", "  ".join(f"{key} {value:.4f}" for key, value in values.items()))
        if abs(row["difference"]) > TOLERANCE:
            wrong.append(name)
    if wrong:
        raise SystemExit(f"further than {TOLERANCE} from the expected value: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
