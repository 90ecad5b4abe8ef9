"""Folders of data with faults that users have met, each with the right answer in words beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rescalade.config.load import load_config
from rescalade.errors import UserError
from rescalade.scoring.measures import measure
from rescalade.scoring.score import score_queries
from rescalade.texts.collection import Collection
from support.real_data import SHARED
from support.sources import make

FIELD = SHARED.parent / "field"


def collected(name: str, out: Path, monkeypatch: pytest.MonkeyPatch) -> Collection:
    """The collection `x` of a folder."""
    folder = FIELD / name
    if not folder.is_dir():
        pytest.skip(f"{folder} is not here")
    monkeypatch.chdir(folder)
    return make(load_config([Path("config.yaml")]), "x", out)


@pytest.mark.parametrize(
    ("name", "ids", "title"),
    [
        ("bom-tsv", ["d2", "d1", "d3", "d4"], "Dogs"),
        ("tsv-header", ["d1", "d2", "d3", "d4"], "Cats"),
        ("title-not-text", ["d1", "d2", "d3", "d4"], "1984"),
    ],
)
def test_what_can_be_read(
    name: str, ids: list[str], title: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = collected(name, tmp_path, monkeypatch).corpus
    assert (found["id"].to_pylist(), title in found["title"].to_pylist()) == (ids, True)


def test_half_of_a_surrogate_pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = collected("lone-surrogate", tmp_path, monkeypatch)
    assert "\ufffd" in "".join(found.document_texts())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("grade-too-large", r"data/qrels/test\.tsv, line 2: grade 4294967296 found"),
        ("mistakes-without-a-line", r"test\.tsv, line 4: judgement of query 'q1' and document 'd1' stands in line 2"),
        ("white-space-ids", r"data/.*, line \d: document id 'd 1' holds white space \(U\+0020\)"),
    ],
)
def test_what_cannot_be_read(name: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=message):
        collected(name, tmp_path, monkeypatch)


def test_a_topic_with_junk_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    qrels = collected("all-negative-topic", tmp_path, monkeypatch).relevant()
    run = {query: [(document, 1.0) for document in grades] for query, grades in qrels.items()}
    values = score_queries(qrels, run, [measure("MRR@10"), measure("nDCG@10")])
    assert [set(values[query].values()) for query in ("q1", "q2")] == [{1.0}, {0.0}]
