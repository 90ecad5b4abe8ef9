"""Training triplets from a folder in the layout of the hub's cache, without a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from rescalade.errors import UserError
from rescalade.texts.triple_files import GIVEN, brought_triples
from support.hub_cache import COMMIT, add_to_cache
from support.hub_rows import CARD, ROWS, parquet
from support.sources import config, make, manifest


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    import datasets.config
    import huggingface_hub.constants

    folder = tmp_path / "hub"
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(folder))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    add_to_cache(
        folder,
        "datasets",
        "someone/triplets",
        {
            "README.md": CARD.encode(),
            "triplet/train-00000-of-00002.parquet": parquet(ROWS[:2]),
            "triplet/train-00001-of-00002.parquet": parquet(ROWS[2:]),
            "triplet-2/train-00000-of-00001.parquet": parquet(
                [{"query": "red?", "positive": "a", "negative_1": "b", "negative_2": "c"}]
            ),
            "ids/train-00000-of-00001.parquet": parquet(
                [
                    {"query_id": "7", "positive_id": "1", "negative_id": "2", "score": 3.5},
                    {"query_id": "8", "positive_id": "2", "negative_id": "4", "score": -1.25},
                ]
            ),
            "passages/train-00000-of-00001.parquet": parquet(
                [{"passage_id": str(n), "passage": f"passage {n}"} for n in range(6)]
            ),
            "questions/train-00000-of-00001.parquet": parquet(
                [{"query_id": str(n), "query": f"question {n}"} for n in range(9)]
            ),
        },
    )
    return folder


def entry(**changes: Any) -> dict[str, Any]:
    return {"source": "hub", "id": "someone/triplets", "revision": COMMIT, "subset": "triplet", **changes}


def test_each_different_text_is_one_document_and_rows_become_triples(cache: Path, tmp_path: Path) -> None:
    found = make(config(x=entry()), "x", tmp_path)
    documents = dict(zip(found.corpus["id"].to_pylist(), found.corpus["text"].to_pylist(), strict=True))
    queries = dict(zip(found.queries["id"].to_pylist(), found.queries["text"].to_pylist(), strict=True))
    assert sorted(documents.values()) == ["apples are red", "grass is green", "whales are blue"]
    assert sorted(queries.values()) == ["blue?", "red?"]
    triples = pq.read_table(tmp_path / "x" / GIVEN).to_pylist()
    assert [
        {
            "query": queries[row["query_id"]],
            "positive": documents[row["positive_id"]],
            "negative": documents[row["negative_id"]],
        }
        for row in triples
    ] == ROWS
    positives = {(queries[q], documents[d]) for q, row in found.relevant().items() for d in row}
    assert positives == {("red?", "apples are red"), ("blue?", "whales are blue")}
    assert manifest(tmp_path, "x")["details"]["commit"] == COMMIT
    assert manifest(tmp_path, "x")["counts"] == {"documents": 3, "queries": 2, "judgements": 2, "triples": 3}


def test_several_negatives_and_a_limit(cache: Path, tmp_path: Path) -> None:
    make(config(x=entry(subset="triplet-2")), "x", tmp_path)
    rows = pq.read_table(tmp_path / "x" / GIVEN).to_pylist()
    assert len(rows) == 2 and len({(row["query_id"], row["positive_id"]) for row in rows}) == 1
    make(config(y=entry(limit=2)), "y", tmp_path)
    assert manifest(tmp_path, "y")["counts"]["triples"] == 2


def test_a_limit_that_several_batches_reach(tmp_path: Path, cache: Path) -> None:
    """Files are read some thousand rows at a time; a limit counts rows of the set, not of a batch."""
    rows = [{"query": f"q{n}", "positive": f"p{n}", "negative": "none"} for n in range(13_000)]
    files = {"README.md": CARD.encode(), "triplet/train-00000-of-00001.parquet": parquet(rows)}
    add_to_cache(cache, "datasets", "someone/many", files)
    make(config(x=entry(id="someone/many", limit=12_500)), "x", tmp_path)
    assert manifest(tmp_path, "x")["counts"]["triples"] == 12_500


def test_ids_take_their_texts_from_other_subsets_and_margins_become_scores(cache: Path, tmp_path: Path) -> None:
    texts = {"documents": "passages", "queries": "questions"}
    found = make(config(x=entry(subset="ids", texts=texts)), "x", tmp_path)
    assert found.corpus["id"].to_pylist() == ["1", "2", "4"], "only passages that the triplets use"
    assert found.corpus["text"].to_pylist() == ["passage 1", "passage 2", "passage 4"]
    assert found.queries["text"].to_pylist() == ["question 7", "question 8"]
    rows = pq.read_table(tmp_path / "x" / GIVEN).to_pylist()
    assert [row["positive_score"] - row["negative_score"] for row in rows] == [3.5, -1.25]


def test_made_again_without_triples_their_table_is_empty(cache: Path, tmp_path: Path) -> None:
    make(config(x=entry()), "x", tmp_path)
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "corpus.tsv").write_text("d\ttext\n")
    (folder / "queries.tsv").write_text("q\ttext\n")
    (folder / "qrels.tsv").write_text("q\td\t1\n")
    make(config(x={"source": "files", "path": str(folder)}), "x", tmp_path)
    assert pq.read_table(tmp_path / "x" / GIVEN).num_rows == 0
    assert manifest(tmp_path, "x")["brings_triples"] is False and brought_triples(tmp_path / "x") is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"subset": "triplets"}, "no subset 'triplets'; there are: ids, passages, questions, triplet, triplet-2"),
        ({"subset": "passages"}, "columns query, positive and negative are expected, found passage_id, passage"),
        ({"revision": "f" * 40}, "no network"),
        ({"id": "someone/else"}, "no network"),
    ],
)
def test_what_is_wrong_is_one_line(cache: Path, tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        make(config(x=entry(**changes)), "x", tmp_path)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{}, {"negative": None}], "row 2, column negative: a text is expected, found null"),
        ([{"positive": ["b"]}], "row 1, column positive: a text is expected, found a list"),
        ([{}, {"score": None}], "row 2, column score: a number is expected, found null"),
    ],
)
def test_rows_of_other_types_are_named(cache: Path, tmp_path: Path, rows: list[dict[str, Any]], message: str) -> None:
    sound = {"query": "a", "positive": "b", "negative": "c", "score": 1.0}
    path = next(cache.rglob("ids/*.parquet"))
    path.unlink()
    path.write_bytes(parquet([{**sound, **row} for row in rows]))
    with pytest.raises(UserError, match=rf"\(someone/triplets\): {message}"):
        make(config(x=entry(subset="ids")), "x", tmp_path)
