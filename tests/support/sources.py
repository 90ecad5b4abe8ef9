"""Data sets of every kind of source, made for tests."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from rescalade.cli.context import Context
from rescalade.cli.opening import collection_facts, expected_of, open_dataset, rules_of
from rescalade.config.load import Config, build_config
from rescalade.data.writer import write_opened
from rescalade.paths import Paths
from rescalade.texts.collection import Collection, read_collection
from support.real_data import SHARED


def config(**datasets: dict[str, Any]) -> Config:
    """A configuration with some data sets beside those it must have."""
    kinds = {name: {"kind": name} for name in ("ir_datasets", "files", "hub", "pydoc")}
    return build_config(
        {
            "experiment": "e",
            "sources": kinds,
            "datasets": {"text": {"source": "pydoc", "packages": ["torch"]}, **datasets},
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
    )


class Chosen(Context):
    """A context whose configuration is given and not read."""

    config: Config = None  # type: ignore[assignment]


def make(found: Config, name: str, folder: Path) -> Collection:
    """The collection of an entry, by way of the files it is written to."""
    context = object.__new__(Chosen)
    vars(context).update(config=found, paths=Paths(folder / "results", folder / "report"))
    entry = found.dataset(name)
    write_opened(
        folder / name,
        name,
        open_dataset(context, name),
        collection_facts(name, entry),
        rules=rules_of(entry),
        expected=expected_of(entry),
        shared=folder / entry.corpus if entry.corpus else None,
    )
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
