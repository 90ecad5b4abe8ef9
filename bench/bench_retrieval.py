"""Exact retrieval against scipy and qdrant-edge: speed, equality with a float64 oracle, memory, and cost against N.

    python bench/bench_retrieval.py
    python bench/bench_retrieval.py --documents 10000 --queries 50

Every measurement runs in a process of its own on one thread and counts CPU time; contenders alternate over --rounds
slices of the queries, and the ratio is the median over rounds. qdrant-edge is compared on --qdrant-documents where it
is installed: `pip install --target DIR qdrant-edge-py` and --libraries DIR keep it out of the environment.
Writes bench/results/retrieval.json and prints the tables of docs/retrieval.md.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

STAGES = Path(__file__).with_name("retrieval_stages.py")
DEPTHS = (10, 1000)
TARGET = 8_800_000
"""Documents of MS MARCO, to which the cost is extrapolated."""

BARS: dict[str, tuple[str, float]] = {
    "top-1000, times scipy": (">=", 8.0),
    "top-10, times scipy": (">=", 10.0),
    "top-1000, times qdrant-edge": (">=", 2.0),
    "2 threads, times 1 (wall)": (">=", 1.8),
    "queries equal to the oracle, share": (">=", 1.0),
    "same bits for 1, 3 and 10 shards, share": (">=", 1.0),
    "index build, CPU s": ("<=", 15.0),
    "Parquet, bytes per posting": ("<=", 5.2),
    "private memory, MB": ("<=", 300.0),
    "warm start, CPU s": ("<=", 1.0),
}
"""Demanded at 1 million documents; shown for every size."""


def stage(name: str, folder: Path, *words: object, library: Path | None = None) -> dict[str, Any]:
    """Run one stage in a process of its own; its last line is its result."""
    one = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    paths = [str(library)] if library else []
    paths += [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    command = [sys.executable, str(STAGES), name, str(folder), *map(str, words)]
    environment = {**os.environ, **one, "PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(f"{shlex.join(command)} failed:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@contextmanager
def work_folder(options: argparse.Namespace, name: str) -> Iterator[Path]:
    """A folder for a corpus: kept for the next call under --work, else temporary."""
    if options.work is None:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)
    else:
        (options.work / name).mkdir(parents=True, exist_ok=True)
        yield options.work / name


def measure(documents: int, options: argparse.Namespace, folder: Path, *, compare: bool) -> dict[str, Any]:
    """All stages at one size."""
    print(f"{documents:,} documents: making", flush=True)
    row = stage("make", folder, documents, options.queries)
    row |= stage("build", folder)
    for depth in DEPTHS:
        row |= stage("serve", folder, depth)
    row |= stage("start", folder)
    if compare:
        print(f"{documents:,} documents: scipy, oracle, threads", flush=True)
        row |= stage("scipy", folder, options.rounds)
        row |= stage("oracle", folder)
        row |= stage("threads", folder)
    return row


def qdrant(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Comparison with qdrant-edge, or why there is none."""
    if options.qdrant_documents == 0:
        return {"left_out": "--qdrant-documents 0"}
    probe = [sys.executable, "-c", "import qdrant_edge"]
    if options.libraries:
        probe[2] = f"import sys; sys.path.insert(0, {str(options.libraries)!r}); import qdrant_edge"
    if subprocess.run(probe, check=False, capture_output=True).returncode:
        return {"left_out": "qdrant-edge-py is not installed"}
    print(f"{options.qdrant_documents:,} documents: qdrant-edge", flush=True)
    stage("make", folder, options.qdrant_documents, min(options.queries, 200))
    stage("build", folder)
    return stage("qdrant", folder, options.rounds, library=options.libraries)


def slope(rows: Sequence[dict[str, Any]], key: str) -> tuple[float, float]:
    """Least squares line (intercept, slope per million documents) over the two largest sizes and those between."""
    import numpy as np

    used = rows[-2:] if len(rows) > 1 else rows
    x, y = [row["documents"] / 1e6 for row in used], [float(row[key]) for row in used]
    if len(used) == 1:
        return 0.0, y[0] / x[0]
    gradient, base = np.polyfit(x, y, 1)
    return float(base), float(gradient)


COSTS = {
    "top-10, ms a query": "ms_10",
    "top-1000, ms a query": "ms_1000",
    "index build, CPU s": "build_cpu_s",
    "build, peak memory MB": "build_peak_mb",
    "index, MB": "index_mb",
    "Parquet, MB": "parquet_mb",
    "private memory at top-1000, MB": "private_mb_1000",
}


def cost_table(rows: Sequence[dict[str, Any]]) -> str:
    """Markdown: a column per size, the slope over the two largest, and what it gives for MS MARCO."""
    head = ["", *(f"{row['documents']:,}" for row in rows), "per 1M more", f"{TARGET / 1e6:.1f}M (extrapolated)"]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for title, key in COSTS.items():
        base, gradient = slope(rows, key)
        if abs(gradient) < 1e-3 * rows[-1][key]:  # what varies from run to run
            gradient = 0.0
        values = [*(row[key] for row in rows), gradient, base + gradient * TARGET / 1e6]
        lines.append(
            f"| {title} | "
            + " | ".join(f"{value:,.3g}" if value < 1000 else f"{value:,.0f}" for value in values)
            + " |"
        )
    return "\n".join(lines)


def verdicts(row: dict[str, Any], peer: dict[str, Any]) -> dict[str, float | None]:
    """The figures of BARS."""
    return {
        "top-1000, times scipy": row.get("times_scipy_1000"),
        "top-10, times scipy": row.get("times_scipy_10"),
        "top-1000, times qdrant-edge": peer.get("times_qdrant_1000"),
        "2 threads, times 1 (wall)": row.get("threads_speedup"),
        "queries equal to the oracle, share": row.get("oracle_equal"),
        "same bits for 1, 3 and 10 shards, share": row.get("shards_equal"),
        "index build, CPU s": row["build_cpu_s"],
        "Parquet, bytes per posting": row["parquet_bytes_per_posting"],
        "private memory, MB": max(row["private_mb_10"], row["private_mb_1000"]),
        "warm start, CPU s": row["start_cpu_s"],
    }


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=1_000_000, help="size at which contenders are compared")
    parser.add_argument(
        "--sizes", type=int, nargs="*", help="further sizes of the cost table (10000 100000 by default)"
    )
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--qdrant-documents", type=int, default=100_000, help="0 leaves it out; 1000000 takes 11 GB")
    parser.add_argument("--libraries", type=Path, help="folder that holds qdrant-edge-py")
    parser.add_argument("--work", type=Path, help="folder of gigabytes, where corpora are kept and used again")
    options = parser.parse_args()
    small = [size for size in (10_000, 100_000) if size < options.documents]
    sizes = sorted({options.documents, *(small if options.sizes is None else options.sizes)})
    rows, load = [], os.getloadavg()[0]
    for size in sizes:
        with work_folder(options, f"corpus-{size}") as folder:
            rows.append(measure(size, options, folder, compare=size == options.documents))
    with tempfile.TemporaryDirectory(dir=options.work) as other:
        peer = qdrant(options, Path(other))
    chosen = next(row for row in rows if row["documents"] == options.documents)
    from rescalade.pipeline.records import environment

    figures = verdicts(chosen, peer)
    result = {
        "figures": figures,
        "bars_at_1M": {name: f"{sign} {bound}" for name, (sign, bound) in BARS.items()},
        "rows": rows,
        "qdrant": peer,
        "load_average": {"before": load, "after": os.getloadavg()[0]},
        "made": environment(),
        "command": shlex.join(["python", "bench/bench_retrieval.py", *(Path(word).name for word in sys.argv[1:])]),
    }
    path = Path(__file__).parent / "results" / "retrieval.json"
    if options.documents == 1_000_000:
        path.write_text(json.dumps(result, indent=1) + "\n")
    print(f"\nat {options.documents:,} documents (load average {load:.1f} before, {os.getloadavg()[0]:.1f} after)")
    for name, value in figures.items():
        sign, bound = BARS[name]
        met = value is not None and (value >= bound if sign == ">=" else value <= bound)
        shown = "not measured" if value is None else f"{value:.3g}"
        print(f"  {name:40s} {shown:>12s}   bar {sign} {bound:g}{'' if met else '   not met'}")
    print("\n" + cost_table(rows))


if __name__ == "__main__":
    main()
