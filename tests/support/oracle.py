"""A real SPLADE model through the commands of the pipeline: encode, index, search, score."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml

from rescalade.atomic import sha256
from rescalade.collection_manifest import CollectionManifest, CollectionProtocol, Counts
from rescalade.texts.collection import FILES, Collection
from rescalade.texts.triple_files import GIVEN
from support.commands import run
from support.real_data import SPLADE_TINY

RUN = "real/tiny/k1/seed1"
PUBLISHED = {"boolq": 0.8275, "scifact": 0.6436, "cranfield": 0.3607, "vaswani": 0.3725}
"""nDCG@10 of the same model by sentence-transformers and pytrec_eval (shared/data/README.md); documents cut at 256
tokens, queries at 64."""


def lay_out(folder: Path, collections: dict[str, Collection], **retrieval: Any) -> None:
    """A results folder in which the run is trained already and the collections, which the catalogue has, are there."""
    config = {
        "experiment": "real",
        "backbones": {"tiny": {"source": "local", "path": str(SPLADE_TINY), "head": "small"}},
        "recipes": {"real": {}},
        "retrieval": {"query_length": 64, "document_length": 256, "batch_tokens": 4096, **retrieval},
        "experiments": {
            "real": {
                "title": "A real model",
                "recipe": "real",
                "train_on": next(iter(collections)),
                "in_domain": list(collections),
                "seeds": [1],
                "grid": [{"backbones": ["tiny"], "scales": [1]}],
            }
        },
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    model = folder / "results" / "runs" / RUN / "model"
    if not model.exists():
        model.parent.mkdir(parents=True, exist_ok=True)
        model.symlink_to(SPLADE_TINY)
    for name, collection in collections.items():
        write_tables(folder / "results" / "data" / name, collection)


def write_tables(folder: Path, collection: Collection) -> None:
    """A collection as the stage writes it, empty texts (Cranfield has two) included."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("corpus", "queries", "qrels"):
        pq.write_table(getattr(collection, name), folder / f"{name}.parquet", compression="zstd")
    counts = Counts(documents=len(collection.corpus), queries=len(collection.queries), judgements=0, triples=None)
    write_manifest(folder, counts=counts)


def write_manifest(folder: Path, **changes: Any) -> None:
    """A data set's manifest for the files that lie there, with other values for some of its keys."""
    digests = {name: sha256(folder / name) for name in (*FILES, GIVEN) if (folder / name).exists()}
    manifest = CollectionManifest(
        dataset=folder.name, origin=None, licence=None, link=None, packages={},
        protocol=CollectionProtocol(document=None, grades=None, judgements=None, candidates=None), details={},
        counts=Counts(documents=1, queries=1, judgements=1, triples=None), groups={}, brings_triples=False,
        empty_documents=0, judged_but_missing=0, repeated_judgements=0, repeated=None,
        without_relevant=0, without_relevant_dropped=False, sha256=digests,
    )  # fmt: skip
    manifest.model_copy(update=changes).write(folder / "manifest.json")


def measure(folder: Path, dataset: str, threads: int = 1) -> dict[str, Any]:
    """Scores of a data set after all four stages: metrics and sparsity."""
    with contextlib.chdir(folder):
        for stage in ("encode", "index", "search", "score"):
            run(stage, RUN, dataset, "--threads", str(threads))
    found: dict[str, Any] = json.loads((folder / "results" / "runs" / RUN / "scores" / f"{dataset}.json").read_text())
    return found
