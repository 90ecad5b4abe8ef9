"""Readers of exports that know nothing of the writers: weight by term, by name, of the documents and of the queries."""

from __future__ import annotations

import json
import struct
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.vectors import Row

Texts = dict[str, Row]


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
