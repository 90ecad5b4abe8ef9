"""Judgements below -1, as of ClueWeb's spam: every way to a score takes them, each in a process of its own.

trec_eval writes out of bounds where all judgements of a query are below -1, which ends the process.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest
import yaml

from rescalade.data.dataset_config import DatasetConfig
from rescalade.data.sources import irds
from rescalade.data.writer import write_streams
from support.small_collections import collection, save
from support.sources import BASE

DOCUMENTS = {"d1": "red apple pie", "d2": "red apple", "d3": "blue whale", "d4": "apple"}
QUERIES = {"spam": "red apple", "mixed": "apple pie", "low": "blue whale"}
GRADES = {("spam", "d1"): -2, ("spam", "d2"): -2, ("mixed", "d1"): -2, ("mixed", "d4"): 2, ("low", "d3"): -3}
RANKED = {"spam": 0.0, "mixed": 0.5, "low": 0.0}
"""MRR@10: of the query `mixed` BM25 ranks d1, of grade -2, above d4, of grade 2."""


def process(*arguments: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert done.returncode == 0, f"{done.returncode}: {done.stderr}"
    return done.stdout


def test_local_files_by_command(tmp_path: Path) -> None:
    """From TREC's four columns to scores: the data set, BM25, means and values per query."""
    own = tmp_path / "own"
    own.mkdir()
    (own / "corpus.tsv").write_text("".join(f"{name}\t{text}\n" for name, text in DOCUMENTS.items()))
    (own / "queries.tsv").write_text("".join(f"{name}\t{text}\n" for name, text in QUERIES.items()))
    (own / "qrels.txt").write_text("".join(f"{query} 0 {name} {grade}\n" for (query, name), grade in GRADES.items()))
    datasets = {**BASE["datasets"], "own": {"source": "files", "path": "own", "measures": ["AP", "R@5"]}}
    experiment = {**BASE["experiments"]["e"], "in_domain": ["own"]}
    config = {**BASE, "datasets": datasets, "experiments": {"e": experiment}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    for command in ("collection own", "bm25 own", "score bm25 own"):
        process("-m", "rescalade", *command.split(), folder=tmp_path)
    scores = tmp_path / "results" / "bm25" / "scores"
    judged = pq.read_table(tmp_path / "results" / "data" / "own" / "qrels.parquet").to_pylist()
    assert {row["grade"] for row in judged} == {-3, -2, 2}, "the data stay as they are"
    found = {row["query_id"]: row for row in pq.read_table(scores / "own.per-query.parquet").to_pylist()}
    assert {name: row["MRR@10"] for name, row in found.items()} == RANKED
    assert found["mixed"]["nDCG@10"] == pytest.approx(1 / math.log2(3)), "a grade below 0 has no gain and no loss"
    assert found["mixed"]["AP"] == 0.5 and found["mixed"]["Recall@5"] == 1
    means = json.loads((scores / "own.json").read_text())["metrics"]
    assert means["MRR@10"] == pytest.approx(0.5 / 3)


SCORED = """
import json, sys
from pathlib import Path
from rescalade.scoring.measures import measure
from rescalade.scoring.score import score_queries, summarise
from rescalade.texts.collection import read_judgements

folder = Path(sys.argv[1])
qrels = read_judgements(folder)
run = {"spam": [("d1", 2.0), ("d2", 1.0)], "mixed": [("d1", 2.0), ("d4", 1.0)], "low": [("d3", 1.0)]}
names = ("MRR@10", "nDCG@10", "Recall@100", "AP", "P(rel=2)@10", "Bpref", "ERR@10")
values = score_queries(qrels, run, [measure(name) for name in names], minimum_grade=1)
means, groups = summarise(values, {"spam": "a", "mixed": "a", "low": "b"})
print(json.dumps([values, means, groups]))
"""


@pytest.mark.parametrize("given", ["ir_datasets", "made"])
def test_the_library_with_groups(given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Judgements as ir_datasets hands them over, and as any other source writes them."""
    library = SimpleNamespace(
        docs_iter=lambda: [SimpleNamespace(doc_id=name, text=text) for name, text in DOCUMENTS.items()],
        queries_iter=lambda: [SimpleNamespace(query_id=name, text=text) for name, text in QUERIES.items()],
        qrels_iter=lambda: [SimpleNamespace(query_id=q, doc_id=d, relevance=grade) for (q, d), grade in GRADES.items()],
    )
    monkeypatch.setattr(irds, "_load", lambda *_: library)
    if given == "made":
        save(tmp_path / "data", collection(DOCUMENTS, QUERIES, GRADES))
    else:
        opened = irds.open_ir_dataset("x", "clueweb09/like")
        write_streams(tmp_path / "data", "x", DatasetConfig(source="x"), opened)
    script = tmp_path / "score.py"
    script.write_text(SCORED)
    values, means, groups = json.loads(process(str(script), str(tmp_path / "data"), folder=tmp_path))
    assert {name: row["MRR@10"] for name, row in values.items()} == RANKED
    assert set(values["spam"].values()) == set(values["low"].values()) == {0.0}
    assert (values["mixed"]["P(rel=2)@10"], values["mixed"]["AP"]) == (0.1, 0.5)
    assert means["MRR@10"] == pytest.approx(0.5 / 3)
    assert (groups["a"]["queries"], groups["a"]["MRR@10"], groups["b"]["MRR@10"]) == (2, 0.25, 0.0)
