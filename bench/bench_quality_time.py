"""Quality against training time: what more steps than `mini` takes would give.

    python bench/bench_quality_time.py [--results results] [--backbone modernbert-small] [--steps 30 60 120 240 480]

Trains a backbone of a finished run of `mini` (k = 1, seed 1, its recipe but for the steps) and scores each model on
pydoc-dev, the development part; BM25's number is that of the run. CPU seconds are those of training alone. Writes
bench/results/quality_time.json.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from rescalade.config import load_config
from rescalade.encoding.encoder import Encoder
from rescalade.pipeline.records import environment as machine
from rescalade.runs import Run
from rescalade.scoring.scores import Scores
from rescalade.texts.collection import read_collection
from rescalade.texts.triple_files import read_triples
from rescalade.training.run import train_run
from rescalade.variants import Variant

REPOSITORY = Path(__file__).resolve().parents[1]
DEVELOPMENT = "pydoc-dev"


def mrr(model: Path, data: Path) -> float:
    """MRR@10 over all queries, every document scored; of equal scores the earlier document comes first."""
    collection, encoder = read_collection(data), Encoder.load(model)
    documents, queries = collection.corpus["id"].to_pylist(), collection.queries["id"].to_pylist()
    parts = []
    for ids, texts, asked in (
        (documents, collection.document_texts(), False),
        (queries, collection.queries["text"].to_pylist(), True),
    ):
        vectors, _ = encoder.encode(ids, encoder.tokens(texts, queries=asked), lambda _: None, queries=asked)
        parts.append(csr_matrix((vectors.weights, vectors.terms, vectors.offsets), (len(ids), encoder.vocabulary)))
    scores, relevant = (parts[1] @ parts[0].T).toarray(), collection.relevant()
    reciprocal = []
    for row, query in zip(scores, queries, strict=True):
        best = np.argsort(-row, kind="stable")[:10]
        ranks = [rank for rank, place in enumerate(best, 1) if documents[place] in relevant.get(query, {})]
        reciprocal.append(1 / ranks[0] if ranks else 0.0)
    return float(np.mean(reciprocal))


def trained(results: Path, backbone: str, steps: int, folder: Path) -> dict[str, Any]:
    """One model and what it took."""
    config = load_config([REPOSITORY / "config.yaml"])
    settings = config.train_settings(backbone, "mini").model_copy(update={"max_steps": steps})
    data, variant = results / "data" / "pydoc-train", Variant(1.0)
    begun = time.process_time()
    _, outcome = train_run(
        Run("mini", backbone, variant, 1),
        results / "rescaled" / backbone / variant.name,
        data,
        read_triples(data / "triples-mini.parquet"),
        settings,
        checkpoints=folder / "checkpoints",
        output=folder / "model",
        device="cpu",
        progress=None,
    )
    seconds = time.process_time() - begun
    return {
        "steps": steps,
        "cpu_s": seconds,
        "verdict": outcome.verdict,
        "mrr": mrr(folder / "model", results / "data" / DEVELOPMENT),
    }


def main() -> None:
    """Train, score and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--results", type=Path, default=REPOSITORY / "results")
    parser.add_argument("--backbone", default="modernbert-small")
    parser.add_argument("--steps", type=int, nargs="+", default=[30, 60, 120, 240, 480])
    chosen = parser.parse_args()
    bm25 = Scores.read(chosen.results / "bm25" / "scores" / f"{DEVELOPMENT}.json").metrics["MRR@10"]
    rows = []
    for steps in chosen.steps:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(trained(chosen.results, chosen.backbone, steps, Path(folder)))
        row = rows[-1]
        print(f"{steps:4d} steps  {row['cpu_s']:6.1f} CPU s  MRR@10 {row['mrr']:.3f}  {row['verdict']}", flush=True)
    print(f"BM25  MRR@10 {bm25:.3f}")
    found = {
        "backbone": chosen.backbone,
        "rows": rows,
        "bm25": bm25,
        "made": machine(),
        "command": " ".join(["python", "bench/bench_quality_time.py", *sys.argv[1:]]),
    }
    path = Path(__file__).parent / "results" / "quality_time.json"
    path.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
