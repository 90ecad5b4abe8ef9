"""rescalade.sparse_encoder in sentence-transformers' trainer against its stock modules, and rescalade.SparseIndex.

    python bench/bench_library.py [--shape tiny|base|both] [--documents N]

Training: SparseEncoderTrainer and SpladeLoss for both contenders, which differ in how the model is loaded alone; the
models, texts and figures are those of bench_training.py: CPU seconds of one core from the end of an optimiser step to
the end of the next, the best of those after the first, and the peak memory that training adds, each contender in a
process of its own. Index: the corpus of bench_retrieval.py at N documents (100,000; 0 leaves it out), the package's own
search in alternation with SparseIndex, and the bytes that both write. Writes bench/results/library.json.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from bench_training import DOCUMENT, LAMBDAS, QUERY, SHAPES, VOCABULARY, make_model, problem, stock, stock_steps

CONTENDERS = ("fused", "stock")
BARS = {"tiny": {"speed_ratio": 10.0, "memory_ratio": 5.0}, "base": {"speed_ratio": 1.4, "memory_ratio": 4 / 3}}
"""How many times as fast and as small, at least."""
STEPS = {"tiny": 10, "base": 3}
DEPTHS = (10, 1000)
ROUNDS = 5


def fused(folder: Path, shape: dict[str, int]) -> dict[str, Any]:
    """The same trainer and loss over the model of rescalade.sparse_encoder."""
    import rescalade

    model = rescalade.sparse_encoder(folder, k=1, max_length=DOCUMENT, device="cpu")
    features = model.preprocess(["w5 w6", "w7"])
    model(features)["sentence_embedding"].sum().backward()  # the kernels come from their cache
    model.zero_grad()
    return stock_steps(model, problem(shape), shape["steps"])


def train(shape: str) -> dict[str, Any]:
    """Both contenders and their ratios."""
    one = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    rows: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        make_model(Path(folder), SHAPES[shape], 0.01)
        for name in CONTENDERS:
            command = [sys.executable, __file__, "--one", name, shape, folder]
            done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **one}, check=False)
            if done.returncode:
                raise SystemExit(done.stderr)
            rows[name] = json.loads(done.stdout.splitlines()[-1])
            print(f"{shape} {name} {rows[name]['seconds']:.2f} s, +{rows[name]['added_peak_mb']:.0f} MB", flush=True)
    pairs = list(zip(rows["fused"]["losses"], rows["stock"]["losses"], strict=True))
    found = {
        "shape": {
            **SHAPES[shape],
            "steps": STEPS[shape],
            "vocabulary": VOCABULARY,
            "query": QUERY,
            "document": DOCUMENT,
        },
        "lambdas": LAMBDAS,
        "rows": rows,
        "speed_ratio": rows["stock"]["seconds"] / rows["fused"]["seconds"],
        "memory_ratio": rows["stock"]["added_peak_mb"] / max(rows["fused"]["added_peak_mb"], 1.0),
        "largest_loss_difference": max(abs(ours - theirs) / abs(theirs) for ours, theirs in pairs),
    }
    for key, bar in BARS[shape].items():
        print(f"{'met   ' if found[key] >= bar else 'MISSED'} {shape} {key} {found[key]:.2f}, bar {bar:.2f}")
    print(f"losses equal to {found['largest_loss_difference']:.1e}", flush=True)
    return found


def index(documents: int, queries: int = 500) -> dict[str, Any]:
    """CPU milliseconds a query and seconds of a build, of the package's own functions and of SparseIndex."""
    from rescalade import SparseIndex
    from rescalade.retrieval.search import search
    from rescalade.retrieval.storage import load_index, write_index
    from rescalade.vectors.vectors import SparseVectors
    from splade_like import SpladeLike

    corpus = SpladeLike(documents)
    asked = corpus.queries(queries)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        shards: list[SparseVectors] = [corpus[number] for number in range(len(corpus))]
        SparseIndex.build(iter(shards[:1]), vocabulary=VOCABULARY, folder=place / "warm")
        start = time.process_time()
        write_index(place / "package", shards, VOCABULARY)
        built = [time.process_time() - start]
        start = time.process_time()
        ours = SparseIndex.build(iter(shards), vocabulary=VOCABULARY, folder=place / "library")
        built.append(time.process_time() - start)
        files = [path.name for path in (place / "package").iterdir() if path.name != "header.json"]
        row: dict[str, Any] = {
            "documents": documents,
            "build_cpu_s": dict(zip(("package", "library"), built, strict=True)),
            "same_bytes": all(
                (place / "package" / name).read_bytes() == (place / "library" / name).read_bytes() for name in files
            ),
        }
        own = load_index(place / "package")
        for depth in DEPTHS:
            taken: dict[str, list[float]] = {"package": [], "library": []}
            for _ in range(ROUNDS):
                start = time.process_time()
                expected = search(own, asked, depth)
                taken["package"].append(time.process_time() - start)
                start = time.process_time()
                found = ours.search(asked, depth)
                taken["library"].append(time.process_time() - start)
            row[f"ms_{depth}"] = {name: 1e3 * median(values) / queries for name, values in taken.items()}
            row[f"equal_{depth}"] = all(
                hits.numbers.tobytes() == numbers.tobytes() and hits.scores.tobytes() == scores.tobytes()
                for hits, (numbers, scores) in zip(found, expected, strict=True)
            )
    print(json.dumps(row), flush=True)
    return row


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=[*SHAPES, "both", "none"], default="both")
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--one", nargs=3, metavar=("CONTENDER", "SHAPE", "FOLDER"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        import torch

        torch.set_num_threads(1)
        name, which, folder = chosen.one
        shape = {**SHAPES[which], "steps": STEPS[which]}
        done = fused(Path(folder), shape) if name == "fused" else stock(Path(folder), shape, "cpu")
        print(json.dumps(done))
        return
    from rescalade.pipeline.records import environment as machine

    path = Path(__file__).parent / "results" / "library.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    rows = {shape: train(shape) for shape in SHAPES if chosen.shape in (shape, "both")}
    if chosen.documents:
        rows["index"] = index(chosen.documents)
    command = shlex.join(["python", "bench/bench_library.py", *sys.argv[1:]])
    for name, row in rows.items():  # each with its own: a later call may measure one of them again
        found[name] = {**row, "load": os.getloadavg()[0], "made": machine(), "command": command}
    path.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
