"""Training triples: mined from a collection on disk, or brought by it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rescalade.atomic import read_json, write_json
from rescalade.errors import UserError
from rescalade.retrieval import bm25
from rescalade.texts import triple_files as given
from rescalade.texts.triple_files import read_triples
from rescalade.triples import mining
from rescalade.triples.settings import TriplesSettings
from rescalade.triples.triples_stage import make_triples
from support.oracle import write_manifest
from support.small_collections import SMALL, collection, save


def make(folder: Path, negatives: int = 1, depth: int = 10, seed: int = 0, **options: bool) -> list[dict[str, Any]]:
    path = folder / "triples-x.parquet"
    make_triples(folder, path, TriplesSettings(negatives=negatives, depth=depth, seed=seed, **options))
    rows: list[dict[str, Any]] = read_triples(path).to_pylist()
    return rows


def test_mined_negatives_are_close_and_never_judged(tmp_path: Path) -> None:
    folder = save(tmp_path / "data", SMALL)
    # q1: d2 is the only unjudged document with its words (d4 is judged); q2: no other document shares a word
    assert make(folder, negatives=3) == [{"query_id": "q1", "positive_id": "d1", "negative_id": "d2"}]
    manifest = read_json(folder / "triples-x.json")
    assert (manifest["origin"], manifest["triples"]) == ("mined", 1)
    assert (manifest["queries_without_positive"], manifest["queries_without_negative"]) == (1, 1)
    assert not list(folder.glob(".*"))  # the index is gone


def test_a_query_that_is_a_document_is_no_negative_of_itself(tmp_path: Path) -> None:
    """Of q1's two best one is q1; without it the next best takes its place, and judged relevant it stays an answer."""
    documents = {"q1": "red apple pie", "d1": "red apple", "d2": "red cake of plums", "d3": "whale", "q2": "whale"}
    queries, qrels = {"q1": "red apple pie", "q2": "whale"}, {("q1", "d3"): 1, ("q2", "q2"): 1}
    folder = save(tmp_path / "data", collection(documents, queries, qrels))

    def pairs(depth: int, drop_identical_ids: bool) -> dict[str, list[tuple[str, str]]]:
        found: dict[str, list[tuple[str, str]]] = {"q1": [], "q2": []}
        for row in make(folder, 9, depth, drop_identical_ids=drop_identical_ids):
            found[row["query_id"]].append((row["positive_id"], row["negative_id"]))
        return found

    assert pairs(2, False) == {"q1": [("d3", "q1"), ("d3", "d1")], "q2": [("q2", "d3")]}
    assert pairs(2, True) == {"q1": [("d3", "d1"), ("d3", "d2")], "q2": [("q2", "d3")]}
    assert pairs(1, True)["q1"] == [("d3", "d1")]


def test_the_draw_of_a_query_does_not_depend_on_other_queries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    documents = {f"d{i}": f"word common {'x' * (i + 1)}" for i in range(30)}
    queries = {f"q{i}": "word common" for i in range(4)}
    qrels = {(f"q{i}", f"d{i}"): 1 for i in range(4)}
    whole = make(save(tmp_path / "a", collection(documents, queries, qrels)), 2, 8, 1)
    some = collection(documents, {"q2": "word common"}, {("q2", "d2"): 1})
    alone = make(save(tmp_path / "b", some), 2, 8, 1)
    assert len(alone) == 2 and [row for row in whole if row["query_id"] == "q2"] == alone
    assert all(row["positive_id"] != row["negative_id"] for row in whole)
    # nor on how corpus and queries are cut into parts
    for module, name in ((bm25, "PART_DOCUMENTS"), (mining, "SLICE_QUERIES")):
        monkeypatch.setattr(module, name, 3)
    assert make(tmp_path / "a", 2, 8, 1) == whole


def test_damage_is_noticed(tmp_path: Path) -> None:
    folder = save(tmp_path / "data", SMALL)
    make(folder)
    path = folder / "triples-x.parquet"
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(UserError, match="damaged"):
        read_triples(path)


def test_no_triple_at_all_is_an_error(tmp_path: Path) -> None:
    folder = save(tmp_path / "data", collection({"d": "x y"}, {"q": "x y"}, {("q", "d"): 1}))
    with pytest.raises(UserError, match="nothing to train on"):
        make(folder)
    assert not (folder / "triples-x.parquet").exists()


def test_a_collection_without_judgements_is_named(tmp_path: Path) -> None:
    folder = save(tmp_path / "data", collection({"d": "x y"}, {"q": "x y"}, {}))
    with pytest.raises(UserError, match="data set data has no judgements"):
        make(folder)
    assert not list(folder.glob(".*"))


GIVEN = ["q1 a n1", "q2 c n1", "q1 a n2", "q1 b n1", "q1 a n3", "q2 c n2"]


def given_folder(path: Path, rows: Sequence[str], scores: bool = False) -> Path:
    folder = save(path, SMALL)
    columns: dict[str, Any] = dict(zip(given.IDS, zip(*(row.split() for row in rows), strict=True), strict=True))
    if scores:
        columns |= {name: [float(n) for n in range(len(rows))] for name in given.SCORES}
    return brought(folder, pa.table(columns))


def brought(folder: Path, table: pa.Table) -> Path:
    """A data set that brings triples."""
    pq.write_table(table, folder / given.GIVEN)
    write_manifest(folder, brings_triples=True)
    return folder


@pytest.mark.parametrize("batch", [1, 4, 65_536])
@pytest.mark.parametrize(("negatives", "kept"), [(1, [0, 1, 3]), (2, [0, 1, 2, 3, 5]), (9, [0, 1, 2, 3, 4, 5])])
def test_given_triples_are_cut_in_the_order_of_the_file(
    negatives: int, kept: list[int], batch: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(given, "BATCH_ROWS", batch)
    folder = given_folder(tmp_path / "data", GIVEN, scores=True)
    rows = make(folder, negatives)
    assert [" ".join(row[name] for name in given.IDS) for row in rows] == [GIVEN[n] for n in kept]
    assert [row["negative_score"] for row in rows] == kept
    manifest = read_json(folder / "triples-x.json")
    assert (manifest["origin"], manifest["triples"]) == ("given", len(kept))


def test_given_triples_need_no_scores_but_all_their_columns(tmp_path: Path) -> None:
    assert list(make(given_folder(tmp_path / "a", GIVEN))[0]) == list(given.IDS)
    folder = given_folder(tmp_path / "b", GIVEN, scores=True)
    table = pq.read_table(folder / given.GIVEN)
    for column in ("positive_id", "positive_score"):
        brought(folder, table.drop_columns([column]))
        with pytest.raises(UserError, match=f"column {column} is missing"):
            make(folder)


def test_given_triples_that_are_none_are_refused(tmp_path: Path) -> None:
    folder = given_folder(tmp_path / "data", GIVEN)
    table = pq.read_table(folder / given.GIVEN)
    brought(folder, table.slice(0, 0))
    with pytest.raises(UserError, match="nothing to train on"):
        make(folder)
    ids = [*table["negative_id"].to_pylist()[:-1], None]
    brought(folder, table.set_column(2, "negative_id", pa.array(ids, pa.string())))
    with pytest.raises(UserError, match="negative_id is null"):
        make(folder)
    (folder / given.GIVEN).write_bytes(b"no table")
    write_manifest(folder, brings_triples=True)
    with pytest.raises(UserError, match="cannot be read as Parquet"):
        make(folder)


@pytest.mark.parametrize("change", ["delete", "other rows", "cut"])
def test_given_triples_that_are_gone_or_changed_are_named_and_nothing_is_mined(change: str, tmp_path: Path) -> None:
    """SMALL has queries and judgements, so that mining would work: it must not be tried."""
    folder = given_folder(tmp_path / "data", GIVEN)
    path = folder / given.GIVEN
    if change == "delete":
        path.unlink()
    elif change == "other rows":
        pq.write_table(pq.read_table(path).slice(1), path)
    else:
        path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(UserError, match=rf"given-triples\.parquet.*delete {folder} and run again") as told:
        make(folder)
    assert "\n" not in str(told.value) and not (folder / "triples-x.parquet").exists()


def test_a_manifest_of_an_earlier_version_is_named(tmp_path: Path) -> None:
    folder = given_folder(tmp_path / "data", GIVEN)
    write_manifest(folder)
    values = read_json(folder / "manifest.json")
    del values["schema_version"]
    write_json(folder / "manifest.json", values)
    with pytest.raises(UserError, match=r"manifest\.json: schema_version: .*older version"):
        make(folder)


def test_a_set_that_brings_no_triples_has_an_empty_table_that_is_not_taken(tmp_path: Path) -> None:
    folder = save(tmp_path / "data", SMALL)
    pq.write_table(given.TRIPLES.empty_table(), folder / given.GIVEN)
    assert make(folder)
    assert read_json(folder / "triples-x.json")["origin"] == "mined"
