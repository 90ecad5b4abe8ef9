"""What each command takes to start: CPU seconds of jobs that have next to nothing to do, and what they load.

    python bench/bench_starts.py [OLD]

Makes an experiment of 40 documents and one backbone of two layers, one command after the other, each in a process of
its own as a job of Snakemake is; three times from nothing, of which the least counts. OLD is the repository at another
commit, whose commands run the same jobs before ours. Prints a table and writes bench/results/starts.json.
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
    "report": "report --page index",
    "page": "report --page tiny",
}
"""Arguments of each command, in an order in which they can run."""

PROGRAM = """
import atexit, json, os, sys
atexit.register(lambda: open(os.environ["LOADED"], "w").write("\\n".join(sorted(sys.modules))))
from rescalade.cli import main
main()
"""


def prepare(folder: Path) -> Path:
    """Write texts and configuration; returns the configuration as the jobs of a call read it."""
    from rescalade.config import load_config
    from rescalade.paths import Paths
    from rescalade.pipeline.snapshot import write_snapshot

    texts = folder / "texts"
    texts.mkdir()
    document = [" ".join(WORDS[(number * step) % len(WORDS)] for step in range(1, 13)) for number in range(40)]
    (texts / "corpus.tsv").write_text("".join(f"d{number}\t{text} {number}\n" for number, text in enumerate(document)))
    queries = range(10)
    (texts / "queries.tsv").write_text("".join(f"q{number}\t{document[number][:20]}\n" for number in queries))
    (texts / "qrels.tsv").write_text("".join(f"q{number}\td{number}\t1\n" for number in queries))
    values = CONFIG | {
        "datasets": {name: {**entry, "path": str(texts)} for name, entry in CONFIG["datasets"].items()},
    }
    (folder / "config.yaml").write_text(json.dumps(values))  # JSON is YAML
    return write_snapshot(load_config([folder / "config.yaml"]), Paths(folder / "results", folder / "report"))


def start(command: str, folder: Path, snapshot: Path, workflow: Path = REPOSITORY / "workflow") -> dict[str, Any]:
    """Run one command as a job; returns its CPU seconds and the names of all modules loaded at its end."""
    loaded = folder / "loaded.txt"
    environment = {
        **os.environ, "PYTHONPATH": str(workflow), "LOADED": str(loaded), "CUDA_VISIBLE_DEVICES": "",
    }  # fmt: skip
    words = [sys.executable, "-c", PROGRAM, *shlex.split(command), "--snapshot", str(snapshot)]
    before = os.times()
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    after = os.times()
    if done.returncode:
        raise SystemExit(f"rescalade {command} failed:\n{done.stderr[-3000:]}")
    seconds = after.children_user + after.children_system - before.children_user - before.children_system
    return {"cpu_s": seconds, "modules": loaded.read_text().split()}


HEAVY = (
    "accelerate", "bm25s", "datasets", "ir_datasets", "jinja2", "matplotlib", "numba", "pandas", "pyarrow", "scipy",
    "scipy.optimize", "seaborn", "sentence_transformers", "sklearn", "tokenizers", "torch", "torch._dynamo",
    "transformers",
)  # fmt: skip
"""Modules worth knowing of: each takes between 40 ms and 2 s to load."""


def loaded(found: dict[str, Any]) -> list[str]:
    """The heavy modules among those that a command has loaded."""
    return [name for name in HEAVY if name in found["modules"]]


def measure(repositories: list[Path]) -> dict[str, dict[str, Any]]:
    """By command: least CPU seconds under each repository, and what the last of them loads."""
    rows: dict[str, dict[str, Any]] = {name: {"cpu_s": [math.inf] * len(repositories)} for name in COMMANDS}
    for _ in range(ROUNDS):
        for number, repository in enumerate(repositories):
            with tempfile.TemporaryDirectory() as folder:
                snapshot = prepare(Path(folder))
                for name, command in COMMANDS.items():
                    found = start(command, Path(folder), snapshot, repository / "workflow")
                    seconds = rows[name]["cpu_s"]
                    seconds[number] = min(seconds[number], round(found["cpu_s"], 2))
                    rows[name]["loads"] = loaded(found)
    return rows


def main() -> None:
    """Measure, print a table and write it."""
    from rescalade.pipeline.records import environment

    old = [Path(argument).resolve() for argument in sys.argv[1:]]
    rows = measure([*old, REPOSITORY])
    print(f"| command | {'before | ' if old else ''}CPU s | loads |\n|---|{'--:|' * (len(old) + 1)}---|")
    for name, row in rows.items():
        print(f"| {name} | {' | '.join(f'{value:.2f}' for value in row['cpu_s'])} | {', '.join(row['loads'])} |")
    made = {"made": environment(), "command": "python bench/bench_starts.py" + " OLD" * len(old)}
    path = Path(__file__).parent / "results" / "starts.json"
    path.write_text(json.dumps({"commands": rows, **made}, indent=1) + "\n")


if __name__ == "__main__":
    main()
