"""What each command takes to start: CPU seconds of jobs that have next to nothing to do, started plainly and warm.

    python bench/bench_starts.py

Makes an experiment of 40 documents and one backbone of two layers, one command after the other, each as a job of a
Snakemake call is: once in a process of its own and once forked from a server that has its libraries loaded; three times
from nothing, of which the least counts. A warm job's seconds are those of the command, of the job, and of the server
meanwhile, so that the first of a kind pays for loading. Prints a table and writes bench/results/starts.json.
"""

from __future__ import annotations

import json
import math
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROUNDS = 3
REPOSITORY = Path(__file__).resolve().parents[1]
RUN = "quick/tiny/k2/seed1"
WORDS = ("quick", "brown", "fox", "jumps", "over", "lazy", "dog", "while", "seven", "wizards", "vex", "jolly", "kings")
CONFIG: dict[str, Any] = {
    "experiment": "starts",
    "sources": {"files": {"kind": "files"}},
    "datasets": {name: {"source": "files", "path": "texts"} for name in ("words", "others")},
    "backbones": {
        "tiny": {
            "source": "pretrain",
            "pretrain": {
                "family": "bert", "text": "words", "vocabulary": 200, "width": 16, "feed_forward": 16, "steps": 2,
                "batch_size": 2, "length": 16,
            },
        }
    },
    "recipes": {
        "quick": {"train": {"batch_size": 2, "max_steps": 2, "query_length": 8, "document_length": 16}},
    },
    "experiments": {
        "starts": {
            "title": "Starts", "recipe": "quick", "train_on": "words", "in_domain": ["others"], "seeds": [1],
            "grid": [{"backbones": ["tiny"], "scales": [2]}],
        }
    },
}  # fmt: skip
COMMANDS = {
    "collection": "collection words",
    "collection, another": "collection others",
    "triples": "triples words --recipe quick",
    "backbone": "backbone tiny",
    "audit": "audit tiny",
    "rescale": "rescale tiny --variant k2",
    "step0": "step0 tiny --variant k2 --recipe quick",
    "train": f"train {RUN}",
    "encode": f"encode {RUN} others",
    "index": f"index {RUN} others",
    "search": f"search {RUN} others",
    "score": f"score {RUN} others",
    "bm25": "bm25 others",
    "score bm25": "score bm25 others",
    "random": "random others",
    "score random": "score random others",
    "tables": "tables",
    "figures": "figures",
    "index_page": "report --page index",
    "page": "report --page tiny",
}
"""Arguments of each command, in an order in which they can run."""

PROGRAM = """
import atexit, os, sys
if "LOADED" in os.environ:
    atexit.register(lambda: open(os.environ["LOADED"], "w").write("\\n".join(sorted(sys.modules))))
from rescalade.__main__ import main
main()
"""


def configure(folder: Path, texts: Path) -> None:
    """Write a configuration, and the texts where they are not there yet."""
    texts.mkdir(exist_ok=True)
    document = [" ".join(WORDS[(number * step) % len(WORDS)] for step in range(1, 13)) for number in range(40)]
    (texts / "corpus.tsv").write_text("".join(f"d{number}\t{text} {number}\n" for number, text in enumerate(document)))
    queries = range(10)
    (texts / "queries.tsv").write_text("".join(f"q{number}\t{document[number][:20]}\n" for number in queries))
    (texts / "qrels.tsv").write_text("".join(f"q{number}\td{number}\t1\n" for number in queries))
    values = CONFIG | {
        "datasets": {name: {**entry, "path": str(texts)} for name, entry in CONFIG["datasets"].items()},
    }
    (folder / "config.yaml").write_text(json.dumps(values))  # JSON is YAML


def prepare(folder: Path) -> Path:
    """Write texts and configuration; returns the configuration as the jobs of a call read it."""
    from rescalade.config import load_config
    from rescalade.paths import Paths
    from rescalade.pipeline.snapshot import write_snapshot

    configure(folder, folder / "texts")
    return write_snapshot(load_config([folder / "config.yaml"]), Paths(folder / "results", folder / "report"))


def run(command: str, folder: Path, snapshot: Path, **environment: str) -> None:
    """Run one command as a job."""
    words = [sys.executable, "-c", PROGRAM, *shlex.split(command), "--snapshot", str(snapshot)]
    whole = {**os.environ, "CUDA_VISIBLE_DEVICES": "", **environment}
    done = subprocess.run(words, cwd=folder, env=whole, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"rescalade {command} failed:\n{done.stderr[-3000:]}")


def loaded(command: str, folder: Path, snapshot: Path) -> list[str]:
    """The heavy modules among those that a command has loaded at its end, started plainly."""
    path = folder / "loaded.txt"
    run(command, folder, snapshot, LOADED=str(path), RESCALADE_WARM="off")
    modules = path.read_text().split()
    return [name for name in HEAVY if name in modules]


def seconds(server: int) -> float:
    """CPU seconds of the children of this process that have ended, and of a server and its own."""
    spent = os.times()
    total = spent.children_user + spent.children_system
    if server:
        fields = Path(f"/proc/{server}/stat").read_text().rpartition(")")[2].split()
        total += sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return total


HEAVY = (
    "accelerate", "bm25s", "datasets", "ir_datasets", "jinja2", "matplotlib", "numba", "pandas", "pyarrow", "scipy",
    "scipy.optimize", "seaborn", "sentence_transformers", "sklearn", "tokenizers", "torch", "torch._dynamo",
    "transformers",
)  # fmt: skip
"""Modules worth knowing of: each takes between 40 ms and 2 s to load."""
WAYS = ("plain", "warm")


def measure() -> dict[str, dict[str, Any]]:
    """By command: least CPU seconds started either way, and what it loads."""
    from rescalade.warm.launch import launch

    rows: dict[str, dict[str, Any]] = {name: dict.fromkeys(WAYS, math.inf) for name in COMMANDS}
    for _ in range(ROUNDS):
        for way in WAYS:
            os.environ.pop("RESCALADE_WARM", None)
            server = launch() if way == "warm" else None
            with tempfile.TemporaryDirectory() as folder:
                snapshot = prepare(Path(folder))
                for name, command in COMMANDS.items():
                    before = seconds(server.pid if server else 0)
                    run(command, Path(folder), snapshot)
                    spent = seconds(server.pid if server else 0) - before
                    rows[name][way] = min(rows[name][way], round(spent, 2))
    with tempfile.TemporaryDirectory() as folder:
        snapshot = prepare(Path(folder))
        for name, command in COMMANDS.items():
            rows[name]["loads"] = loaded(command, Path(folder), snapshot)
    return rows


def main() -> None:
    """Measure, print a table and write it."""
    from rescalade.pipeline.records import environment

    rows = measure()
    print("| command | plain, CPU s | warm, CPU s | loads |\n|---|--:|--:|---|")
    for name, row in rows.items():
        print(f"| {name} | {row['plain']:.2f} | {row['warm']:.2f} | {', '.join(row['loads'])} |")
    made = {"made": environment(), "command": "python bench/bench_starts.py"}
    path = Path(__file__).parent / "results" / "starts.json"
    path.write_text(json.dumps({"commands": rows, **made}, indent=1) + "\n")


if __name__ == "__main__":
    main()
