"""Peak memory of the stage `collection` for a million passages: local files, and triplets of texts from the hub.

    python bench/bench_collection_memory.py [--documents 1000000] [--triplets 500000]

The passages of bench_mining_memory.py as corpus.tsv with 20,000 queries, and as triplets in Parquet files that lie in
the hub's cache; either goes through reader and writer in a process of its own, whose peak resident memory must stay
below 2 GB. Writes bench/results/collection_memory.json.
"""

from __future__ import annotations

import argparse
import itertools
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench_mining_memory import LIMIT_MB, PASSAGE_WORDS, QUERY_WORDS, passages
from measure import staged
from rescalade.atomic import write_json

COMMIT = "0" * 40
CARD = "---\nconfigs:\n- config_name: triplet\n  data_files:\n  - split: train\n    path: triplet/train-*\n---\n"


def make(folder: str, documents: str, triplets: str) -> dict[str, Any]:
    """Local files, and a data set in the hub's cache whose triplets draw on the same passages."""
    local = Path(folder) / "local"
    snapshot = Path(folder) / "hub" / "datasets--someone--triplets" / "snapshots" / COMMIT
    (snapshot / "triplet").mkdir(parents=True)
    local.mkdir()
    (snapshot / "README.md").write_text(CARD)
    texts = list(itertools.chain.from_iterable(passages(int(documents), PASSAGE_WORDS, 1)))
    with (local / "corpus.tsv").open("w") as stream:
        stream.writelines(f"{number}\t{text}\n" for number, text in enumerate(texts))
    asked = list(itertools.chain.from_iterable(passages(max(20_000, int(triplets)), QUERY_WORDS, 2)))
    random = np.random.default_rng(3)
    with (local / "queries.tsv").open("w") as queries, (local / "qrels.tsv").open("w") as qrels:
        for number, text in enumerate(asked[:20_000]):
            queries.write(f"q{number}\t{text}\n")
            qrels.write(f"q{number}\t{random.integers(len(texts))}\t1\n")
    drawn = random.integers(0, len(texts), (int(triplets), 2))
    for part, rows in enumerate(np.array_split(np.arange(int(triplets)), 4)):
        columns = {
            "query": [asked[row] for row in rows],
            "positive": [texts[drawn[row, 0]] for row in rows],
            "negative": [texts[drawn[row, 1]] for row in rows],
        }
        pq.write_table(pa.table(columns), snapshot / "triplet" / f"train-{part:05d}-of-00004.parquet")
    return {"corpus_mb": (local / "corpus.tsv").stat().st_size / 1e6}


def local(folder: str) -> dict[str, Any]:
    """A folder of tab-separated values."""
    from rescalade.data.sources.files import open_files

    return written(Path(folder) / "made-local", lambda: open_files("local", Path(folder) / "local", None))


def triplets(folder: str) -> dict[str, Any]:
    """Triplets of texts: each different passage becomes one document."""
    from huggingface_hub import constants

    from rescalade.data.sources.hub import HubDataset, HubSource

    constants.HF_HUB_CACHE, constants.HF_HUB_OFFLINE = str(Path(folder) / "hub"), True
    entry = HubDataset(source="hub", id="someone/triplets", revision=COMMIT, subset="triplet")
    return written(Path(folder) / "made-triplets", lambda: entry.open("triplets", HubSource(kind="hub"), None))


def written(folder: Path, opened: Callable[[], Any]) -> dict[str, Any]:
    """Write a collection and say what it counts."""
    from rescalade.data.dataset_config import DatasetConfig
    from rescalade.data.writer import write_streams

    write_streams(folder, folder.name, DatasetConfig(source="none"), opened())
    return dict(json.loads((folder / "manifest.json").read_text())["counts"])


def main() -> None:
    """Measure, print and write."""
    if sys.argv[1:2] == ["--stage"]:
        name, *words = sys.argv[2:]
        begun = time.process_time()
        found = {**globals()[name](*words), "cpu_s": time.process_time() - begun}
        print(json.dumps({**found, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--triplets", type=int, default=500_000)
    options = parser.parse_args()
    from rescalade.pipeline.records import environment

    with tempfile.TemporaryDirectory() as folder:
        staged(__file__, "make", folder, options.documents, options.triplets)
        rows = {stage: staged(__file__, stage, folder) for stage in ("local", "triplets")}
    result = {"options": vars(options), "limit_mb": LIMIT_MB, "stages": rows, "made": environment()}
    if options.documents >= 1_000_000:
        write_json(Path(__file__).parent / "results" / "collection_memory.json", result)
    over = [name for name, row in rows.items() if row["peak_mb"] > LIMIT_MB]
    if over:
        raise SystemExit(f"above {LIMIT_MB} MB: {', '.join(over)}")


if __name__ == "__main__":
    main()
