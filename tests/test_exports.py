"""Exports read back by parsers of their own: the same top 10, or the difference that the record states."""

from __future__ import annotations

import json
import struct
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rescalade.cli import main
from rescalade.encoding.vectors import SparseVectors
from rescalade.errors import UserError
from rescalade.export.export import NAMES, export
from rescalade.export.texts import write_parts
from vectors import Row, brute_force, row, shards, vectors, write_folder

VOCABULARY = 400
Texts = dict[str, Row]


def texts(count: int, size: int, prefix: str, seed: int) -> SparseVectors:
    """Weights as SPLADE's: log-normal, saturated, some so small that 100 w rounds to 0."""
    random = np.random.default_rng(seed)
    rows: list[Row] = []
    for _ in range(count):
        terms = np.unique((VOCABULARY * random.random(size) ** 3).astype(int))
        weights = np.log1p(np.exp(random.normal(-1, 1.6, len(terms)))) * 1.6
        rows.append(dict(zip(terms.tolist(), weights.astype(np.float32).tolist(), strict=True)))
    return vectors(rows, prefix)


DOCUMENTS = texts(300, 40, "d", 1)
DOCUMENTS = SparseVectors(
    [*(f'd"{n}\\ü' for n in range(298)), "empty", "last"], DOCUMENTS.offsets, DOCUMENTS.terms, DOCUMENTS.weights
)
QUERIES = texts(25, 12, "q", 2)


def ranked(documents: Texts, query: Row) -> list[str]:
    """Names of the ten best, lower positions first among ties."""
    scores = [
        (-sum(query[term] * text[term] for term in sorted(query) if term in text), number, name)
        for number, (name, text) in enumerate(documents.items())
    ]
    return [name for score, _, name in sorted(scores)[:10] if score < 0]


def whole(values: dict[str, Any]) -> Row:
    assert all(type(value) is int and value > 0 for value in values.values())
    return {int(term): value for term, value in values.items()}


def json_lines(folder: Path) -> list[Any]:
    return [json.loads(line) for path in sorted(folder.iterdir()) for line in path.read_text().splitlines()]


def topics(path: Path, after: str) -> Texts:
    found: Texts = {}
    for line in path.read_text().splitlines():
        name, _, words = line.partition(after)
        found[name] = {int(word): count for word, count in Counter(words.split()).items()}
    return found


def bodies(path: Path) -> dict[str, Any]:
    return {line["id"]: line["body"] for line in map(json.loads, path.read_text().splitlines())}


def read_anserini(folder: Path) -> tuple[Texts, Texts]:
    documents = {line["id"]: whole(line["vector"]) for line in json_lines(folder / "documents")}
    return documents, topics(folder / "queries.tsv", "\t")


def read_bulk(folder: Path, query: Callable[[Any], dict[str, int]]) -> tuple[Texts, Texts]:
    rest = iter(json_lines(folder / "bulk"))
    documents = {action["index"]["_id"]: whole(body["terms"]) for action, body in zip(rest, rest, strict=True)}
    return documents, {name: whole(query(body)) for name, body in bodies(folder / "queries.jsonl").items()}


def read_opensearch(folder: Path) -> tuple[Texts, Texts]:
    assert json.loads((folder / "index.json").read_text())["mappings"]["properties"]["terms"]["type"] == "rank_features"
    record = json.loads((folder / "export.json").read_text())
    parts = int(record["query_weights"].removeprefix("round(100 w)").removeprefix(" / ") or 1)

    def asked(body: Any) -> dict[str, int]:
        tokens = body["query"]["neural_sparse"]["terms"]["query_tokens"]
        assert all(0 < weight <= 64 for weight in tokens.values())  # Lucene's limit, in bench/bench_engines.py as well
        found = {term: weight * parts for term, weight in tokens.items()}
        assert all(weight == int(weight) for weight in found.values())
        return {term: int(weight) for term, weight in found.items()}

    return read_bulk(folder, asked)


def read_elasticsearch(folder: Path) -> tuple[Texts, Texts]:
    mapping = json.loads((folder / "index.json").read_text())["mappings"]["properties"]["terms"]
    assert mapping == {"type": "sparse_vector", "index_options": {"prune": False}}

    def asked(body: Any) -> dict[str, int]:
        query = body["query"]["sparse_vector"]
        assert query["field"] == "terms" and query["prune"] is False
        vector: dict[str, int] = query["query_vector"]
        return vector

    return read_bulk(folder, asked)


def read_vespa(folder: Path) -> tuple[Texts, Texts]:
    documents = {}
    for line in json_lines(folder / "feed"):
        assert line["put"] == f"id:rescalade:passage::{line['fields']['id']}"
        documents[line["fields"]["id"]] = whole(line["fields"]["terms"])
    assert "weightedset<string>" in (folder / "passage.sd").read_text()
    queries = {}
    for name, body in bodies(folder / "queries.jsonl").items():
        text = body["yql"].removeprefix("select id from passage where dotProduct(terms, ").removesuffix(")")
        queries[name] = whole(json.loads(text))
    return documents, queries


def read_seismic(folder: Path) -> tuple[Texts, Texts]:
    def read(lines: list[Any]) -> Texts:
        # digits back to float32, and from there to Python's float without loss
        return {x["id"]: {int(t): float(np.float32(w)) for t, w in x["vector"].items()} for x in lines}

    queries = [json.loads(line) for line in (folder / "queries.jsonl").read_text().splitlines()]
    documents = [json.loads(line) for line in (folder / "documents.jsonl").read_text().splitlines()]
    return read(documents), read(queries)


class Wire:
    """A reader of protocol buffers that knows nothing of the writer."""

    def __init__(self, data: bytes) -> None:
        self.data, self.place = data, 0

    def number(self) -> int:
        value = shift = 0
        while True:
            byte = self.data[self.place]
            self.place += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def take(self, count: int) -> bytes:
        self.place += count
        assert self.place <= len(self.data)
        return self.data[self.place - count : self.place]

    def message(self) -> list[tuple[int, Any]]:
        """Fields of the delimited message that comes next."""
        inner, found = Wire(self.take(self.number())), []
        while inner.place < len(inner.data):
            key = inner.number()
            kind = key & 7
            assert kind in (0, 1, 2)
            found.append((key >> 3, inner.number() if kind == 0 else inner.take(8 if kind == 1 else inner.number())))
        return found


def read_ciff(folder: Path) -> tuple[Texts, Texts]:
    wire = Wire((folder / "index.ciff").read_bytes())
    header = dict(wire.message())
    assert header[1] == 1 and header[4] == header[2] and header[5] == header[3]
    by_number: dict[int, Row] = {}
    previous = ""
    for _ in range(header[2]):
        fields = wire.message()
        values = dict(fields)
        term = values[1].decode()
        assert term > previous  # in order, each once
        previous, number, total, entries = term, 0, 0, [value for key, value in fields if key == 4]
        assert len(entries) == values[2]
        for entry in entries:
            posting = dict(Wire(bytes([len(entry)]) + entry).message())
            number += posting.get(1, 0)
            by_number.setdefault(number, {})[int(term)] = posting[2]
            total += posting[2]
        assert total == values[3]
    documents: Texts = {}
    lengths = 0
    for expected in range(header[3]):
        record = dict(wire.message())
        assert record.get(1, 0) == expected
        documents[record[2].decode()] = by_number.get(expected, {})
        assert record.get(3, 0) == sum(by_number.get(expected, {}).values())
        lengths += record.get(3, 0)
    assert wire.place == len(wire.data)
    assert header[6] == lengths and struct.unpack("<d", header[7])[0] == pytest.approx(lengths / header[3])
    return documents, topics(folder / "queries.txt", ":")


READERS: dict[str, Callable[[Path], tuple[Texts, Texts]]] = {
    "anserini": read_anserini,
    "ciff": read_ciff,
    "opensearch": read_opensearch,
    "elasticsearch": read_elasticsearch,
    "vespa": read_vespa,
    "seismic": read_seismic,
}


@pytest.mark.parametrize("name", NAMES)
def test_an_engine_reads_back_the_same_ranking_or_the_stated_difference(name: str, tmp_path: Path) -> None:
    record = export(tmp_path, name, shards(DOCUMENTS, 3), QUERIES, VOCABULARY)
    documents, queries = READERS[name](tmp_path)
    assert list(documents) == DOCUMENTS.ids and list(queries) == QUERIES.ids
    scale = 1 if name == "seismic" else 100
    for number, identity in enumerate(DOCUMENTS.ids):
        expected = {t: w if scale == 1 else round(100 * w) for t, w in row(DOCUMENTS, number).items()}
        assert documents[identity] == {term: weight for term, weight in expected.items() if weight}
    exact = [[DOCUMENTS.ids[n] for n in brute_force(DOCUMENTS, row(QUERIES, q), 10)[0]] for q in range(len(QUERIES))]
    theirs = [ranked(documents, query) for query in queries.values()]
    if name == "seismic":
        assert theirs == exact and record["weights"] == "float32"
        return
    overlap = np.mean([len({*a} & {*b}) / len(a) for a, b in zip(exact, theirs, strict=True)])
    assert 0.9 < overlap == pytest.approx(record["effect"]["overlap@10"])
    same = np.mean([a == b for a, b in zip(exact, theirs, strict=True)])
    assert same == pytest.approx(record["effect"]["same@10"])
    kept = sum(map(len, documents.values()))
    assert record["postings"] == kept
    assert record["postings_rounded_to_0"] == DOCUMENTS.postings - kept > 0
    assert record["largest_weight"] == max(max(text.values(), default=0) for text in documents.values())
    assert json.loads((tmp_path / "export.json").read_text()) == record
    assert not (tmp_path / "indexes").exists()


def test_more_than_nine_bits_are_said(tmp_path: Path) -> None:
    assert export(tmp_path, "opensearch", [DOCUMENTS], QUERIES, VOCABULARY)["nine_bits_exact"] is (
        float(DOCUMENTS.weights.max()) * 100 < 511.5
    )
    assert not export(tmp_path, "opensearch", [DOCUMENTS], QUERIES, VOCABULARY, scale=1000)["nine_bits_exact"]


def test_parts_end_where_they_are_full(tmp_path: Path) -> None:
    assert write_parts(tmp_path, "p{}", [b"aaa", b"bbb", b"c", b"dd"], part_bytes=4) == 2
    assert [path.read_bytes() for path in sorted(tmp_path.iterdir())] == [b"aaabbb", b"cdd"]
    assert write_parts(tmp_path / "none", "p{}", []) == 1


def test_an_engine_that_reads_one_file_gets_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rescalade.export.export.PART_BYTES", 1000)
    for name, files in (("anserini", 300), ("seismic", 1)):
        folder = tmp_path / name
        folder.mkdir()
        export(folder, name, [DOCUMENTS], QUERIES, VOCABULARY)
        written = [path for path in folder.rglob("*.jsonl") if path.name != "queries.jsonl"]
        assert (len(written) > 10) is (files > 1) and sum(len(p.read_text().splitlines()) for p in written) == 300


@pytest.mark.parametrize(
    ("largest", "parts", "written"), [(0.64, 1, 64), (0.65, 2, 32.5), (1.28, 2, 64), (1.29, 4, 32.25)]
)
def test_query_weights_above_what_opensearch_takes_are_divided(
    largest: float, parts: int, written: float, tmp_path: Path
) -> None:
    query = SparseVectors(["q"], np.array([0, 2]), np.array([3, 9], np.int32), np.array([largest, 0.03], np.float32))
    record = export(tmp_path, "opensearch", [DOCUMENTS], query, VOCABULARY)
    tokens = bodies(tmp_path / "queries.jsonl")["q"]["query"]["neural_sparse"]["terms"]["query_tokens"]
    assert tokens == {"3": written, "9": 3 / parts}
    assert record["query_weights"] == ("round(100 w)" if parts == 1 else f"round(100 w) / {parts}")


@pytest.mark.parametrize(
    ("name", "identity"), [("anserini", "a b"), ("anserini", ""), ("ciff", "a b"), ("ciff", "a:b"), ("ciff", "")]
)
def test_an_id_that_topics_cannot_hold_is_named(name: str, identity: str, tmp_path: Path) -> None:
    queries = SparseVectors([identity], np.array([0, 1]), np.array([3], np.int32), np.array([1], np.float32))
    with pytest.raises(UserError, match=f"query '{identity}'"):
        export(tmp_path, name, [DOCUMENTS], queries, VOCABULARY)


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["rescalade", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
    captured = capsys.readouterr()
    return int(ended.value.code or 0), captured.out, captured.err


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_folder(tmp_path / "vectors", shards(DOCUMENTS, 2), QUERIES, VOCABULARY)
    status, shown, _ = call(capsys, "export", "vectors", "--format", "ciff", "--out", "out")
    assert status == 0 and json.loads(shown)["effect"]["queries"] == 25
    assert read_ciff(tmp_path / "out")[0].keys() == set(DOCUMENTS.ids)
    assert call(capsys, "export", "vectors", "--format", "vespa", "--out", "out")[0] == 0  # an export is replaced
    assert not (tmp_path / "out" / "index.ciff").exists()
    for arguments, part in [
        (["vectors", "--format", "solr", "--out", "new"], "unknown format 'solr'; known: anserini"),
        (["vectors", "--format", "ciff", "--out", "vectors"], "other than an export"),
        (["elsewhere", "--format", "ciff", "--out", "new"], "needs --dataset"),
        (["r/b/k1/seed1", "--dataset", "d", "--format", "ciff", "--out", "new"], "manifest.json is missing"),
        (["vectors", "--format", "ciff", "--out", "new", "--scale", "0"], "above 0"),
    ]:
        status, _, errors = call(capsys, "export", *arguments)
        assert status == 2 and part in errors and errors.count("\n") == 1
    assert not (tmp_path / "new").exists()
