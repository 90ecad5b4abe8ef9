"""Collections, selection of docstring pairs and mined triples."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from rescalade.data.collection import CORPUS, QRELS, QUERIES, Collection, read_collection
from rescalade.data.pydoc import Pair
from rescalade.data.pydoc_collection import as_collection, select_pairs
from rescalade.data.triples import mine_triples, read_triples, write_triples
from rescalade.data.writer import write_collection
from rescalade.errors import UserError


def collection(documents: dict[str, str], queries: dict[str, str], qrels: dict[tuple[str, str], int]) -> Collection:
    return Collection(
        pa.Table.from_pylist([{"id": i, "title": "", "text": t} for i, t in documents.items()], schema=CORPUS),
        pa.Table.from_pylist([{"id": i, "text": t, "group": "g"} for i, t in queries.items()], schema=QUERIES),
        pa.Table.from_pylist(
            [{"query_id": q, "document_id": d, "grade": g} for (q, d), g in qrels.items()], schema=QRELS
        ),
    )


SMALL = collection(
    {"d1": "red apple pie", "d2": "red apple cake", "d3": "blue whale song", "d4": "red apple tart"},
    {"q1": "red apple pie", "q2": "blue whale song", "q3": "unjudged red thing"},
    {("q1", "d1"): 1, ("q1", "d4"): 0, ("q2", "d3"): 1},
)


def test_write_then_read_gives_the_same(tmp_path: Path) -> None:
    write_collection(tmp_path, SMALL, {"origin": "here"})
    found = read_collection(tmp_path)
    assert found.corpus.equals(SMALL.corpus) and found.qrels.equals(SMALL.qrels)
    assert found.relevant() == {"q1": {"d1": 1, "d4": 0}, "q2": {"d3": 1}}


def test_a_damaged_file_is_named_with_the_remedy(tmp_path: Path) -> None:
    write_collection(tmp_path, SMALL, {})
    path = tmp_path / "corpus.parquet"
    path.write_bytes(path.read_bytes()[:-1] + b"X")
    with pytest.raises(UserError, match=r"corpus\.parquet.*delete .* and run again"):
        read_collection(tmp_path)
    path.unlink()
    with pytest.raises(UserError, match="is missing"):
        read_collection(tmp_path)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (collection({"d": "x"}, {"q": " "}, {("q", "d"): 1}), "query 'q' has no text"),
        (collection({"": "x"}, {"q": "x"}, {("q", ""): 1}), "document has an empty id"),
        (collection({"d": "x"}, {"q": "x"}, {}), "no relevance judgements"),
        (collection({"d": "x"}, {"q": "x"}, {("q", "e"): 1}), "'e'"),
        (collection({"d": "x"}, {"q": "x"}, {("p", "d"): 1}), "'p'"),
    ],
)
def test_what_cannot_be_a_collection_is_refused(broken: Collection, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        write_collection(tmp_path, broken, {})


def test_repeated_ids_are_refused(tmp_path: Path) -> None:
    twice = Collection(pa.concat_tables([SMALL.corpus, SMALL.corpus]), SMALL.queries, SMALL.qrels)
    with pytest.raises(UserError, match="'d1' occurs more than once"):
        write_collection(tmp_path, twice, {})


def test_title_and_text_are_joined_by_a_space() -> None:
    rows = [{"id": "a", "title": "T", "text": "x"}, {"id": "b", "title": "", "text": "y"}]
    titled = Collection(pa.Table.from_pylist(rows, schema=CORPUS), SMALL.queries, SMALL.qrels)
    assert titled.document_texts() == ["T x", "y"]


def test_mined_negatives_are_close_and_never_judged() -> None:
    mined = mine_triples(SMALL, negatives=3, depth=10, seed=0)
    rows = mined.triples.to_pylist()
    # q1: d2 is the only unjudged document with its words (d4 is judged); q2: no other document shares a word
    assert rows == [{"query_id": "q1", "positive_id": "d1", "negative_id": "d2"}]
    assert (mined.without_positive, mined.without_negative) == (1, 1)


def test_the_draw_of_a_query_does_not_depend_on_other_queries() -> None:
    documents = {f"d{i}": f"word common {'x' * (i + 1)}" for i in range(30)}
    queries = {f"q{i}": "word common" for i in range(4)}
    qrels = {(f"q{i}", f"d{i}"): 1 for i in range(4)}
    whole = mine_triples(collection(documents, queries, qrels), negatives=2, depth=8, seed=1).triples.to_pylist()
    alone = mine_triples(
        collection(documents, {"q2": "word common"}, {("q2", "d2"): 1}), negatives=2, depth=8, seed=1
    ).triples.to_pylist()
    assert [row for row in whole if row["query_id"] == "q2"] == alone
    assert all(row["positive_id"] != row["negative_id"] for row in whole)


def test_triples_survive_the_disk_and_damage_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "triples-x.parquet"
    mined = mine_triples(SMALL, negatives=1, depth=5, seed=0)
    write_triples(path, mined)
    assert read_triples(path).equals(mined.triples)
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(UserError, match="damaged"):
        read_triples(path)


def test_no_triple_at_all_is_an_error(tmp_path: Path) -> None:
    nothing = mine_triples(collection({"d": "x y"}, {"q": "x y"}, {("q", "d"): 1}), negatives=1, depth=5, seed=0)
    with pytest.raises(UserError, match="nothing to train on"):
        write_triples(tmp_path / "t.parquet", nothing)


PAIRS = [
    Pair(f"{p}/{i}", p, f"{p}.{i}", f"query {p} {i}", f"text {p} {i}", i / 10) for p in ("a", "b") for i in range(10)
]


def test_the_two_sides_of_the_split_share_nothing_and_miss_nothing() -> None:
    sides = [{p.id for p in select_pairs(PAIRS, ["a", "b"], side, held_out=0.25)} for side in ("train", "held-out")]
    assert not sides[0] & sides[1]
    assert sides[0] | sides[1] == {pair.id for pair in PAIRS}
    assert sides[1] == {f"{p}/{i}" for p in "ab" for i in (0, 1, 2)}  # positions 0, .1 and .2 lie below .25


def test_limits_keep_a_fixed_sample() -> None:
    small = select_pairs(PAIRS, ["a", "b"], "all", held_out=0.1, per_package=3)
    assert [pair.package for pair in small] == ["a"] * 3 + ["b"] * 3
    assert {p.id for p in select_pairs(PAIRS, ["a"], "all", held_out=0.1, per_package=3)} == {
        p.id for p in small if p.package == "a"
    }
    assert len(select_pairs(PAIRS, ["a", "b"], "all", held_out=0.1, limit=5)) == 5


def test_nothing_left_is_an_error() -> None:
    with pytest.raises(UserError, match="no pair of c"):
        select_pairs(PAIRS, ["c"], "all", held_out=0.1)


def test_each_query_has_its_own_document() -> None:
    found = as_collection(PAIRS[:2])
    assert found.relevant() == {"q/a/0": {"d/a/0": 1}, "q/a/1": {"d/a/1": 1}}
    assert found.queries["group"].to_pylist() == ["a", "a"]
