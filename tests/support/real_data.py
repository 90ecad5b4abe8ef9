"""Real collections for trials, which lie beside the repository and not in it; `shared/data/README.md` describes them.

RESCALADE_SHARED names another place for that folder. Documents are title, a space and the text. Each is read once in a
process.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import zipfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pyarrow as pa

from rescalade.texts.collection import CORPUS, QRELS, QUERIES, Collection

SHARED = Path(os.environ.get("RESCALADE_SHARED", Path(__file__).parents[3] / "shared")) / "data"
SPLADE_TINY = SHARED / "models" / "splade-tiny"
Qrels = dict[tuple[str, str], int]


def tables(documents: Iterable[tuple[str, str, str]], queries: Iterable[tuple[str, str]], qrels: Qrels) -> Collection:
    """From (id, title, text), (id, text) and grades."""
    return Collection(
        pa.Table.from_pylist([{"id": i, "title": t, "text": x} for i, t, x in documents], schema=CORPUS),
        pa.Table.from_pylist([{"id": i, "text": x, "group": ""} for i, x in queries], schema=QUERIES),
        pa.Table.from_pylist(
            [{"query_id": q, "document_id": d, "grade": g} for (q, d), g in qrels.items()], schema=QRELS
        ),
    )


@cache
def cranfield() -> Collection:
    """Codes run from 1, best, to 4, with -1 for not relevant: the gain is 5 - code, and 0 for -1."""
    folder = SHARED / "cranfield"
    documents = [
        # the abstract starts with the title once more; it counts once
        (r["I"], r["T"], r["W"].removeprefix(r["T"]).strip())
        for r in _records(folder / "cran.all.1400")
    ]
    queries = [(str(number), r["W"]) for number, r in enumerate(_records(folder / "cran.qry"), 1)]
    qrels: Qrels = {}
    for line in (folder / "cranqrel").read_text().split("\n"):
        if line.split():
            query, document, code = line.split()[:3]
            qrels[query, document] = 0 if code == "-1" else 5 - int(code)
    return tables(documents, queries, qrels)


@cache
def vaswani() -> Collection:
    """Blocks that end in a line with a slash; a number, then the text."""
    folder = SHARED / "vaswani-npl"

    def blocks(name: str) -> list[tuple[str, str]]:
        parts = re.split(r"^\s*/\s*$", (folder / name).read_text(), flags=re.MULTILINE)
        words = [part.split() for part in parts if part.split()]
        return [(first, " ".join(rest)) for first, *rest in words]

    qrels = {(query, document): 1 for query, found in blocks("rlv-ass") for document in found.split()}
    return tables([(i, "", x) for i, x in blocks("doc-text")], blocks("query-text"), qrels)


@cache
def scifact() -> Collection:
    """The 300 test claims of BEIR's copy."""
    with zipfile.ZipFile(SHARED / "beir-scifact" / "scifact.zip") as archive:
        documents, queries = (
            [json.loads(line) for line in archive.read(f"scifact/{name}.jsonl").decode().splitlines()]
            for name in ("corpus", "queries")
        )
        judged = archive.read("scifact/qrels/test.tsv").decode().splitlines()[1:]
    qrels = {(query, document): int(grade) for query, document, grade in (line.split("\t") for line in judged)}
    wanted = {query for query, _ in qrels}
    return tables(
        [(d["_id"], d["title"], d["text"]) for d in documents],
        [(q["_id"], q["text"]) for q in queries if q["_id"] in wanted],
        qrels,
    )


@cache
def boolq() -> Collection:
    """Dev questions over all passages."""
    folder = SHARED / "boolq-ir"
    documents = [json.loads(line) for line in _lines(folder / "corpus.jsonl.gz")]
    queries = [json.loads(line) for line in _lines(folder / "queries-dev.jsonl.gz")]
    qrels: Qrels = {}
    for line in _lines(folder / "qrels-dev.tsv.gz"):
        query, *rest = line.split("\t")
        if rest[-1].lstrip("-").isdigit():
            qrels[query, rest[-2]] = int(rest[-1])
    key = "_id" if "_id" in documents[0] else "id"
    return tables(
        [(d[key], d.get("title", ""), d["text"]) for d in documents], [(q[key], q["text"]) for q in queries], qrels
    )


def _lines(path: Path) -> list[str]:
    with gzip.open(path, "rb") as stream:
        return io.TextIOWrapper(stream, encoding="utf-8").read().splitlines()


def _records(path: Path) -> list[dict[str, str]]:
    """Cranfield's format: .I starts a record, .T .A .B .W a field."""
    found = []
    for block in re.split(r"^\.I", path.read_text(), flags=re.MULTILINE)[1:]:
        parts = re.split(r"^\.([TABW])\s*$", block, flags=re.MULTILINE)
        fields = {key: " ".join(value.split()) for key, value in zip(parts[1::2], parts[2::2], strict=True)}
        found.append({"I": parts[0].strip(), **fields})
    return found
