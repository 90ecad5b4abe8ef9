"""The stages `source` and `collection`: what is recorded of their settings, and what they write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rescalade.config.load import build_config
from rescalade.data.pydoc.pair_file import PackageCounts, Pair
from rescalade.data.source_stage import run_source
from rescalade.pipeline.rows.data import collection_settings, source_settings
from rescalade.stage import Call
from support.sources import BASE, config

ENTRY = {"source": "pydoc", "packages": ["b", "a"], "part": "train"}


def recorded(**changes: Any) -> tuple[Any, Any]:
    """Settings of the data set x and of its source."""
    found = config(x={**ENTRY, **changes})
    return collection_settings(found, {"dataset": "x"}).model_dump(mode="json"), source_settings(
        found, {"source": "pydoc"}
    ).model_dump()


@pytest.mark.parametrize(
    "change",
    [
        {"title": "X"},
        {"depth": 10},
        {"minimum_grade": 2},
        {"drop_identical_ids": True},
        {"metric": "MRR@10"},
    ],
)
def test_how_a_set_is_searched_and_scored_makes_it_not_again(change: dict[str, Any]) -> None:
    assert recorded(**change) == recorded()
    assert collection_settings(config(x={**ENTRY, **change}), {"dataset": "x"}) == collection_settings(
        config(x=ENTRY), {"dataset": "x"}
    )


def test_how_many_documents_are_expected_is_not_recorded() -> None:
    """It refuses a data set and changes none: who adds it to have shards of jobs makes nothing again."""
    assert recorded(documents=7) == recorded()


@pytest.mark.parametrize(
    "change",
    [
        {"gains": {1: 2}},
        {"titles": "none"},
        {"part": "all"},
        {"limit": 5},
        {"licence": "MIT"},
        {"golden": {"queries": {"q": "x"}}},
    ],
)
def test_what_decides_its_files_or_checks_them_does(change: dict[str, Any]) -> None:
    assert recorded(**change)[0] != recorded()[0] and recorded(**change)[1] == recorded()[1]


@pytest.mark.parametrize(
    ("key", "value", "changed"),
    [("held_out", 0.3, "collection"), ("near_duplicate", 0.3, "source"), ("min_document_words", 9, "source")],
)
def test_a_key_of_a_source_counts_for_the_stage_that_reads_it(key: str, value: float, changed: str) -> None:
    sources = {**BASE["sources"], "pydoc": {"kind": "pydoc", key: value}}
    other = build_config({**BASE, "sources": sources, "datasets": {**BASE["datasets"], "x": ENTRY}})
    first, second = (
        recorded(),
        (collection_settings(other, {"dataset": "x"}), source_settings(other, {"source": "pydoc"})),
    )
    differs = [a != b.model_dump(mode="json") for a, b in zip((first[0], _json(first[1])), second, strict=True)]
    assert differs == [changed == "collection", changed == "source"]


def _json(settings: dict[str, Any]) -> dict[str, Any]:
    return {**settings, "wanted": list(settings["wanted"])}


def test_a_source_is_made_of_what_all_its_data_sets_want(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def extract(packages: Any, **options: Any) -> tuple[list[Pair], dict[str, PackageCounts]]:
        asked.update(options, packages=packages)
        return [Pair("a/f", "a", "a.f", "query", "document", 0.5)], {}

    monkeypatch.setattr("rescalade.data.pydoc.extraction.extract", extract)
    settings, folder = source_settings(config(x=ENTRY), {"source": "pydoc"}), tmp_path / "sources" / "pydoc"
    run_source(settings, {}, {"folder": folder}, Call("source pydoc", record=lambda path: path.touch() or None))
    assert asked == {"packages": ("a", "b", "torch"), "near_duplicate": 0.7, "min_document_words": 20, "processes": 1}
    assert sorted(path.name for path in folder.iterdir()) == ["manifest.json", "pairs.parquet", "record.json"]


def test_how_a_set_is_scored_is_no_code_of_what_makes_it() -> None:
    """A new key of the protocol, such as a further measure, must make no collection again."""
    from rescalade.pipeline.digest import NOT_FOLLOWED, reachable

    reached = reachable("rescalade.data.collection_stage", leave_out=NOT_FOLLOWED)
    assert "rescalade.data.dataset_config" in reached
    assert not reached & {"rescalade.data.protocol", "rescalade.data.kinds", "rescalade.data.pydoc.dataset"}
