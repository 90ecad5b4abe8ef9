"""Collections and the selection of docstring pairs."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest

from rescalade.atomic import read_json
from rescalade.data.dataset_config import DatasetConfig
from rescalade.data.development import in_development
from rescalade.data.pydoc.dataset import pair_streams, select_pairs
from rescalade.data.pydoc.pair_file import Pair
from rescalade.data.sources import irds
from rescalade.data.writer import write_streams
from rescalade.errors import UserError
from rescalade.texts.collection import CORPUS, Collection, read_collection
from support.small_collections import SMALL, collection, write_collection


def test_write_then_read_gives_the_same(tmp_path: Path) -> None:
    write_collection(tmp_path, SMALL)
    found = read_collection(tmp_path)
    assert found.corpus.equals(SMALL.corpus) and found.qrels.equals(SMALL.qrels)
    assert found.relevant() == {"q1": {"d1": 1, "d4": 0}, "q2": {"d3": 1}}


def test_a_damaged_file_is_named_with_the_remedy(tmp_path: Path) -> None:
    write_collection(tmp_path, SMALL)
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
        (collection({"": "x"}, {"q": "x"}, {("q", ""): 1}), "document id '' is empty"),
        (collection({"d": "x"}, {"q": "x"}, {}), "no relevance judgements"),
        (collection({"d": "x"}, {"q": "x"}, {("q", "e"): 1}), "'e'"),
        (collection({"d": "x"}, {"q": "x"}, {("p", "d"): 1}), "'p'"),
    ],
)
def test_what_cannot_be_a_collection_is_refused(broken: Collection, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        write_collection(tmp_path, broken)


def test_repeated_ids_are_refused(tmp_path: Path) -> None:
    twice = Collection(pa.concat_tables([SMALL.corpus, SMALL.corpus]), SMALL.queries, SMALL.qrels)
    with pytest.raises(UserError, match="'d1' occurs more than once"):
        write_collection(tmp_path, twice)


class Library:
    """A data set as ir_datasets hands it over, whose judgements hold one pair three times, and no other twice."""

    def docs_iter(self) -> list[SimpleNamespace]:
        return [SimpleNamespace(doc_id=name, text=f"text of {name}") for name in ("d1", "d2")]

    def queries_iter(self) -> list[SimpleNamespace]:
        return [SimpleNamespace(query_id="q", text="text")]

    def qrels_iter(self) -> list[SimpleNamespace]:
        grades = [("d1", 2), ("d2", 1), ("d1", 2), ("d1", 0)]
        return [SimpleNamespace(query_id="q", doc_id=name, relevance=grade) for name, grade in grades]


def test_repeated_lines_of_ir_datasets_count_as_lines_and_are_kept_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The declared number is the library's own, which is of lines."""
    monkeypatch.setattr(irds, "_load", lambda *_: Library())
    opened = irds.open_ir_dataset("x", "a/b")
    write_streams(tmp_path, "x", DatasetConfig(source="x", judgements=4), opened)
    assert read_collection(tmp_path).relevant() == {"q": {"d1": 2, "d2": 1}}, "of different grades the first"
    manifest = read_json(tmp_path / "manifest.json")
    assert (manifest["counts"]["judgements"], manifest["repeated_judgements"]) == (2, 2)
    for wrong in (2, 3, 5):
        with pytest.raises(UserError, match=f"4 judgements arrived, {wrong} are declared"):
            write_streams(tmp_path / str(wrong), "x", DatasetConfig(source="x", judgements=wrong), opened)


def test_title_and_text_are_joined_by_a_space() -> None:
    rows = [{"id": "a", "title": "T", "text": "x"}, {"id": "b", "title": "", "text": "y"}]
    titled = Collection(pa.Table.from_pylist(rows, schema=CORPUS), SMALL.queries, SMALL.qrels)
    assert titled.document_texts() == ["T x", "y"]


PAIRS = [
    Pair(f"{p}/{i}", p, f"{p}.{i}", f"query {p} {i}", f"text {p} {i}", i / 10) for p in ("a", "b") for i in range(10)
]


def test_the_two_sides_of_the_split_share_nothing_and_miss_nothing() -> None:
    sides = [{p.id for p in select_pairs(PAIRS, ["a", "b"], side, held_out=0.25)} for side in ("train", "held-out")]
    assert not sides[0] & sides[1]
    assert sides[0] | sides[1] == {pair.id for pair in PAIRS}
    assert sides[1] == {f"{p}/{i}" for p in "ab" for i in (0, 1, 2)}  # positions 0, .1 and .2 lie below .25


def test_development_and_held_out_queries_share_documents_and_no_query() -> None:
    held_out = [Pair(f"a/{i}", "a", f"a.{i}", f"query {i}", f"text {i}", 0.0) for i in range(200)]
    train = [Pair(f"a/t{i}", "a", f"a.t{i}", f"trained {i}", f"text t{i}", 0.5) for i in range(50)]
    sides = {
        part: select_pairs([*train, *held_out], ["a"], part, held_out=0.1, limit=150)
        for part in ("held-out", "development")
    }
    assert sides["held-out"] == sides["development"]
    parts = {part: pair_streams(pairs, {}, part) for part, pairs in sides.items()}
    asked = {part: {query.text for query in streams.queries()} for part, streams in parts.items()}
    assert not asked["held-out"] & asked["development"]
    whole = pair_streams(sides["held-out"], {})
    assert asked["held-out"] | asked["development"] == {query.text for query in whole.queries()}
    for streams in parts.values():
        assert list(streams.documents()) == list(whole.documents())
        assert [one.query for one in streams.judgements()] == [query.id for query in streams.queries()]
    # the same by the hash read as a fraction, its last byte the first digit
    for text in asked["held-out"] | asked["development"]:
        digits = reversed(hashlib.blake2b(text.encode(), digest_size=8).digest())
        fraction = sum(digit / 256 ** (place + 1) for place, digit in enumerate(digits))
        assert (text in asked["development"]) == (fraction < 0.1), text


def test_a_query_stays_in_its_part() -> None:
    known = [f"query {i}" for i in range(60) if in_development(f"query {i}")]
    assert known == ["query 8", "query 20", "query 22", "query 44", "query 53"]
    assert not in_development("does ethanol take more energy make that produces")
    assert in_development("is fantastic beasts and where to find them a prequel")


def test_a_part_without_queries_is_an_error() -> None:
    with pytest.raises(UserError, match="none of the 2 held-out queries is in part 'development'"):
        pair_streams(PAIRS[:2], {}, "development")


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
    found = pair_streams(PAIRS[:2], {"a": "1.0"})
    assert list(found.judgements()) == [("q/a/0", "d/a/0", 1), ("q/a/1", "d/a/1", 1)]
    assert list(found.queries()) == [("q/a/0", "query a 0", "a"), ("q/a/1", "query a 1", "a")]
    assert list(found.documents()) == [("d/a/0", "", "text a 0"), ("d/a/1", "", "text a 1")]
    assert found.facts.packages == {"a": "1.0"}
