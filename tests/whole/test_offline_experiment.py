"""An experiment with no network: hub model, hub triplets, ir_datasets, and a set that shares its documents."""

from __future__ import annotations

import csv
import gzip
import json
import socket
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.commands import call
from support.hub_cache import COMMIT, add_to_cache
from support.hub_models import into_cache, tiny_checkpoint
from support.hub_rows import CARD, ROWS, parquet
from support.sources import ir_home

__all__ = ["ir_home"]

RUN = "quick/tiny/k4/seed1"
CONFIG: dict[str, Any] = {
    "experiment": "offline",
    "sources": {name: {"kind": name} for name in ("hub", "ir_datasets", "files")},
    "datasets": {
        "triplets": {"source": "hub", "id": "someone/triplets", "revision": COMMIT, "subset": "triplet"},
        "cranfield": {
            "source": "ir_datasets",
            "id": "cranfield",
            "documents": 1400,
            "titles": "once",
            "gains": {1: 4, 2: 3, 3: 2, 4: 1, -1: 0},
            "minimum_grade": 2,
            "depth": 100,
        },
        "own": {"source": "files", "path": "own", "corpus": "cranfield", "titles": "once", "drop_identical_ids": True},
    },
    "backbones": {"tiny": {"source": "hub", "id": "owner/tiny", "revision": COMMIT}},
    "recipes": {"quick": {"train": {"batch_size": 2, "max_steps": 2, "query_length": 8, "document_length": 16}}},
    "experiments": {
        "offline": {
            "title": "Offline",
            "recipe": "quick",
            "train_on": "triplets",
            "in_domain": ["cranfield"],
            "out_of_domain": ["own"],
            "seeds": [1],
            "grid": [{"backbones": ["tiny"], "scales": [4]}],
        }
    },
}
COMMANDS = [
    "collection triplets",
    "collection cranfield",
    "collection own",
    "triples triplets --recipe quick",
    "backbone tiny",
    "audit tiny",
    "rescale tiny --variant k4",
    f"train {RUN}",
    f"encode {RUN} cranfield",
    f"encode {RUN} own",
    f"index {RUN} cranfield",
    *(
        f"{stage} {name}"
        for name in ("cranfield", "own")
        for stage in (f"search {RUN}", f"score {RUN}", "bm25", "score bm25")
    ),
    "tables",
    "figures",
    "report",
]


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever asks for an address or a connection fails, and the hub is told to stay off it."""
    import datasets.config
    from huggingface_hub import constants

    def refuse(*arguments: object, **options: object) -> None:
        raise AssertionError(f"the network was asked for: {arguments}")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)


def test_from_the_caches_to_the_report(
    ir_home: Path,
    no_network: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from huggingface_hub import constants

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    files = {"README.md": CARD.encode(), "triplet/train-00000-of-00001.parquet": parquet(ROWS * 3)}
    add_to_cache(tmp_path / "cache", "datasets", "someone/triplets", files)
    into_cache(tmp_path / "cache", "owner/tiny", COMMIT, tiny_checkpoint(tmp_path / "checkpoint"))
    own = tmp_path / "own"
    own.mkdir()
    (own / "queries.tsv").write_text("1\texperimental investigation of the aerodynamics of a wing in a slipstream\n")
    (own / "qrels.tsv").write_text("1\t1\t1\n1\t2\t1\n")
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    for command in COMMANDS:
        status, lines = call(capsys, *command.split())
        assert status == 0, (command, lines)

    run = tmp_path / "results" / "runs" / "quick" / "tiny" / "k4" / "seed1"
    scores = {name: json.loads((run / "scores" / f"{name}.json").read_text()) for name in ("cranfield", "own")}
    assert (scores["cranfield"]["documents"], scores["cranfield"]["queries"]) == (1400, 225)
    assert scores["own"]["documents"] == 1400 and not (run / "index" / "own").exists()
    assert not list((run / "vectors" / "own").glob("shard-*")), "documents are encoded once"
    for ranking in (run / "retrieved" / "own.trec.gz", tmp_path / "results" / "bm25" / "retrieved" / "own.trec.gz"):
        found = [line.split()[2] for line in gzip.decompress(ranking.read_bytes()).decode().splitlines()]
        assert found and "1" not in found, "the document whose id is the query's is left out"
        assert max(Counter(found).values()) == 1
    # document 1 begins with the words of query 1; without it the next best answer is scored
    baseline = json.loads((tmp_path / "results" / "bm25" / "scores" / "own.json").read_text())
    assert baseline["metrics"]["Recall@100"] <= 0.5
    page = (tmp_path / "report" / "offline" / "index.html").read_text()
    assert "the document whose id is the query" in page and "title, space, text, the title not twice" in page
    protocol = list(csv.DictReader((tmp_path / "report" / "offline" / "tables" / "protocol.csv").open()))
    assert [row["minimum_grade"] for row in protocol] == ["2", "1"]
    assert protocol[0]["gain"].startswith("-1 counts 0, 1 counts 4")
    assert "2 documents without text" in protocol[0]["remarks"] and protocol[1]["remarks"] == "documents of cranfield"
    assert (
        json.loads((tmp_path / "results" / "data" / "triplets" / "triples-quick.json").read_text())["origin"] == "given"
    )
