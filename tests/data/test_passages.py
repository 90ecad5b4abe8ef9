"""Rows with nested passages, from local files and from a folder in the layout of the hub's cache."""

from __future__ import annotations

import gzip
import itertools
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from rescalade.data.sources import passage_rows
from rescalade.data.sources.passage_rows import open_passages
from rescalade.data.sources.passages import PassagesDataset
from rescalade.errors import UserError
from rescalade.texts.triple_files import GIVEN, read_triples
from rescalade.triples.settings import TriplesSettings
from rescalade.triples.triples_stage import make_triples
from support.hub_cache import COMMIT, add_to_cache
from support.hub_rows import parquet
from support.sources import config, make, manifest


def passage(number: int, title: str = "") -> dict[str, str]:
    return {"docid": str(number), "title": title, "text": f"text {number}"}


ROWS: list[dict[str, Any]] = [
    {
        "query_id": "q1",
        "query": "first?",
        "positive_passages": [passage(1, "One"), passage(2)],
        "negative_passages": [passage(n) for n in (3, 4, 5, 6)],
    },
    {
        "query_id": "q2",
        "query": "second?",
        "positive_passages": [passage(3)],
        "negative_passages": [passage(1, "One"), passage(7)],
    },
]
LINES = "".join(f"{json.dumps(row)}\n" for row in ROWS)


def write(folder: Path, form: str, text: str = LINES) -> Path:
    path = folder / f"train{form}"
    if form == ".parquet":
        path.write_bytes(parquet(ROWS))
    else:
        path.write_bytes(gzip.compress(text.encode()) if form.endswith("gz") else text.encode())
    return path


@pytest.mark.parametrize("form", [".jsonl", ".jsonl.gz", ".parquet"])
def test_each_passage_is_one_document_and_every_pair_has_all_negatives(form: str, tmp_path: Path) -> None:
    path = write(tmp_path, form)
    found = make(config(x={"source": "passages", "path": str(path), "shuffle": False}), "x", tmp_path)
    assert found.corpus["id"].to_pylist() == ["1", "2", "3", "4", "5", "6", "7"]
    assert found.document_texts()[:3] == ["One text 1", "text 2", "text 3"]
    assert found.queries["text"].to_pylist() == ["first?", "second?"]
    assert found.relevant() == {"q1": {"1": 1, "2": 1}, "q2": {"3": 1}}
    triples = [tuple(row.values()) for row in pq.read_table(tmp_path / "x" / GIVEN).to_pylist()]
    first = [("q1", positive, negative) for positive in "12" for negative in "3456"]
    assert triples == [*first, ("q2", "3", "1"), ("q2", "3", "7")]
    assert manifest(tmp_path, "x")["details"]["files"] == [path.name]


def test_titles_are_left_out_where_that_is_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path, ".jsonl")
    found = make(config(x={"source": "passages", "path": str(path), "titles": "none"}), "x", tmp_path)
    assert found.document_texts()[0] == "text 1"


def test_a_recipe_takes_its_number_of_negatives_out_of_a_drawn_order(tmp_path: Path) -> None:
    """Of 100 queries with the negatives 0 to 9, in this order, the two taken are others for most, and never equal."""
    rows = [
        {
            "query_id": f"q{n}",
            "query": f"query {n}",
            "positive_passages": [passage(1000 + n)],
            "negative_passages": [passage(number) for number in range(10)],
        }
        for n in range(100)
    ]
    path = write(tmp_path, ".jsonl", "".join(f"{json.dumps(row)}\n" for row in rows))
    make(config(x={"source": "passages", "path": str(path)}), "x", tmp_path)
    make_triples(tmp_path / "x", tmp_path / "x" / "triples-r.parquet", TriplesSettings(negatives=2))
    table = read_triples(tmp_path / "x" / "triples-r.parquet").to_pylist()
    taken = [{row["negative_id"] for row in pair} for _, pair in itertools.groupby(table, lambda row: row["query_id"])]
    assert len(table) == 200 and all(len(two) == 2 for two in taken)
    counts = [sum(str(number) in two for two in taken) for number in range(10)]
    assert min(counts) > 8 and max(counts) < 36  # 20 expected, deviation 4


def test_rows_pass_one_part_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first documents come before the end of the file is reached, which is broken."""
    monkeypatch.setattr(passage_rows, "ROWS", 1)
    path = write(tmp_path, ".jsonl", LINES + "{\n")
    streams = open_passages("x", PassagesDataset(source="passages", path=str(path)))
    documents = streams.documents()
    assert [next(documents).id for _ in range(7)] == ["1", "2", "3", "4", "5", "6", "7"]
    with pytest.raises(UserError, match=r"train\.jsonl, line 3: not JSON"):
        next(documents)


def test_a_file_of_the_hub_at_its_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    content = gzip.compress(LINES.encode())
    add_to_cache(tmp_path / "hub", "datasets", "someone/aug", {"train.jsonl.gz": content})
    entry = {"source": "passages", "id": "someone/aug", "bytes": len(content)}
    found = make(config(x=entry), "x", tmp_path)
    assert len(found.corpus) == 7
    assert manifest(tmp_path, "x")["details"] == {"files": ["train.jsonl.gz"], "commit": COMMIT}
    for changes, message in (
        ({"bytes": 5}, f"its files have {len(content)} bytes, 5 are declared"),
        ({"file": "dev.jsonl.gz"}, "it has no file dev.jsonl.gz; correct datasets.x.file"),
        ({"id": "someone/else"}, "no network"),
    ):
        with pytest.raises(UserError, match=message):
            make(config(x={**entry, **changes}), "x", tmp_path)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("[]", "line 2: a list found, one JSON object on each line is expected"),
        ({"query_id": None}, "line 2: query_id is expected to be a text, found null"),
        ({"query": ""}, 'line 2: query is expected to be a text, found ""'),
        ({"positive_passages": []}, "line 2: query 'q2' has no positive passage"),
        (
            {"negative_passages": {"docid": "1"}},
            "line 2: negative_passages is expected to be a list of passages",
        ),
        ({"negative_passages": [{"docid": "1"}]}, "line 2: text is expected to be a text, found null"),
        ({"positive_passages": [{"text": "t"}]}, "line 2: docid is expected to be a text, found null"),
    ],
)
def test_a_row_in_another_form_is_named_with_file_and_line(
    row: str | dict[str, Any], message: str, tmp_path: Path
) -> None:
    second = row if isinstance(row, str) else json.dumps({**ROWS[1], **row})
    path = write(tmp_path, ".jsonl", f"{json.dumps(ROWS[0])}\n{second}\n")
    with pytest.raises(UserError) as caught:
        make(config(x={"source": "passages", "path": str(path)}), "x", tmp_path)
    assert str(caught.value).startswith(f"{path}, {message}")
    assert len(str(caught.value).splitlines()) == 1


def test_a_place_on_the_hub_or_a_local_one_and_not_both() -> None:
    for given in ({}, {"id": "a/b", "path": "c"}):
        with pytest.raises(UserError, match="either `id`, a data set on the hub, or `path`"):
            config(x={"source": "passages", **given})


@pytest.mark.parametrize(
    "content", [b"", b"PAR1 is not enough", parquet(ROWS)[:-20], parquet(ROWS)[:40] + parquet(ROWS)[60:]]
)
def test_a_damaged_parquet_file_is_one_line(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "train.parquet").write_bytes(content)
    with pytest.raises(UserError, match=r"train\.parquet: no Parquet file, or a damaged one \(.*\); replace the file"):
        make(config(x={"source": "passages", "path": str(tmp_path / "train.parquet")}), "x", tmp_path)


def test_which_files_are_looked_for_before_anything_runs(tmp_path: Path) -> None:
    write(tmp_path, ".jsonl")
    for name in ("b.jsonl", "a.jsonl", "a.txt"):
        (tmp_path / name).write_text(LINES)
    pattern = PassagesDataset(source="passages", path=str(tmp_path), file="[ab].jsonl")
    assert [path.name for path in pattern.files()] == ["a.jsonl", "b.jsonl"]
    single = PassagesDataset(source="passages", path=str(tmp_path / "train.jsonl"))
    single.check_files("x")
    assert single.files() == [tmp_path / "train.jsonl"]
    with pytest.raises(
        UserError, match=r"there is no file no/train\.jsonl\.gz \(counted from .*; correct datasets\.x\.path"
    ):
        PassagesDataset(source="passages", path="no").check_files("x")
