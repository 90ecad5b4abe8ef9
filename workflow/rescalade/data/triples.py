"""Training triples with hard negatives from BM25."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rescalade.atomic import atomic_file, read_json, sha256, write_json
from rescalade.data.collection import Collection
from rescalade.errors import UserError
from rescalade.retrieval.bm25 import Bm25

SCHEMA = pa.schema([("query_id", pa.string()), ("positive_id", pa.string()), ("negative_id", pa.string())])


@dataclass(frozen=True)
class Mined:
    """The triples and what was left out.

    triples: Arrow table (query_id, positive_id, negative_id), in order of the queries.
    without_positive: queries without a relevant document. without_negative: queries none of whose best
    documents is irrelevant.
    """

    triples: pa.Table
    without_positive: int
    without_negative: int


def mine_triples(collection: Collection, *, negatives: int, depth: int, seed: int) -> Mined:
    """For each query and relevant document, `negatives` irrelevant ones out of BM25's `depth` best.

    The draw depends on the query's id and the seed alone, not on any generator's state, so that adding a
    query moves no other.
    """
    identities = collection.corpus["id"].to_pylist()
    relevant = collection.relevant()
    query_ids, texts = collection.queries["id"].to_pylist(), collection.queries["text"].to_pylist()
    numbers, scores = Bm25(collection.document_texts()).search(
        texts, depth + max(map(len, relevant.values()), default=0)
    )
    rows: list[dict[str, str]] = []
    without_positive = without_negative = 0
    for query, ranked, score in zip(query_ids, numbers, scores, strict=True):
        positives = [identity for identity, grade in relevant.get(query, {}).items() if grade > 0]
        judged = relevant.get(query, {})
        candidates = [
            identities[n] for n, s in zip(ranked, score, strict=True) if s > 0 and identities[n] not in judged
        ]
        if not positives:
            without_positive += 1
        elif not candidates:
            without_negative += 1
        else:
            drawn = _draw(candidates[:depth], negatives, seed, query)
            rows += [{"query_id": query, "positive_id": p, "negative_id": n} for p in positives for n in drawn]
    return Mined(pa.Table.from_pylist(rows, schema=SCHEMA), without_positive, without_negative)


def write_triples(path: Path, mined: Mined) -> None:
    """Write the table and a manifest beside it.

    Raises:
        UserError: there is no triple at all.
    """
    if not len(mined.triples):
        raise UserError(
            f"{path}: no query has both a relevant document and a hard negative; there is nothing to train on"
        )
    with atomic_file(path) as temporary:
        pq.write_table(mined.triples, temporary, compression="zstd")
    manifest: dict[str, Any] = {
        "triples": len(mined.triples),
        "queries_without_positive": mined.without_positive,
        "queries_without_negative": mined.without_negative,
        "sha256": sha256(path),
    }
    write_json(path.with_suffix(".json"), manifest)


def read_triples(path: Path) -> pa.Table:
    """Read triples.

    Raises:
        UserError: the file is missing or differs from its manifest.
    """
    manifest = read_json(path.with_suffix(".json"))
    if not path.is_file() or sha256(path) != manifest["sha256"]:
        raise UserError(f"{path} is missing or damaged; delete it and run again")
    return pq.read_table(path)


def _draw(candidates: Sequence[str], count: int, seed: int, query: str) -> list[str]:
    key = hashlib.blake2b(f"{seed}\0{query}".encode(), digest_size=8).digest()
    random = np.random.default_rng(int.from_bytes(key, "little"))
    chosen = random.choice(len(candidates), size=min(count, len(candidates)), replace=False)
    return [candidates[number] for number in sorted(chosen)]
