"""Hard negatives from BM25, for collections of any size."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from rescalade.retrieval.bm25 import SLICE_QUERIES, Bm25, collection_parts
from rescalade.retrieval.identical import depth_for
from rescalade.texts.collection import read_judgements, read_table
from rescalade.texts.triple_files import TRIPLES
from rescalade.triples.settings import TriplesSettings


@dataclass
class Mined:
    """Queries that were left out: without a relevant document, or with none but judged ones among the best."""

    without_positive: int = 0
    without_negative: int = 0


def mine_triples(
    folder: Path, scratch: Path, counts: Mined, settings: TriplesSettings, threads: int
) -> Iterator[pa.Table]:
    """For each query and relevant document, `negatives` unjudged ones out of BM25's `depth` best.

    The draw depends on the query's id and the seed alone, not on any generator's state, so that adding a query moves no
    other. The corpus passes once; queries and judgements are in memory.

    Args:
        folder: a collection.
        scratch: an empty folder; it holds the index meanwhile.
        counts: added to as the tables come.

    Yields:
        (query_id, positive_id, negative_id) in order of the queries, a few thousand of them at a time.
    """
    queries = read_table(folder, "queries.parquet")
    judged = read_judgements(folder)
    slices = [queries.slice(start, SLICE_QUERIES) for start in range(0, len(queries), SLICE_QUERIES)]
    bm25 = Bm25(collection_parts(folder), (part["text"].to_pylist() for part in slices), scratch, settings.analyser)
    unjudged = depth_for(settings.depth, settings.drop_identical_ids)
    for part in slices:
        rows: list[tuple[str, str, str]] = []
        names = part["id"].to_pylist()
        deepest = unjudged + max(len(judged.get(name, ())) for name in names)
        for name, (numbers, _) in zip(names, bm25.search(part["text"].to_pylist(), deepest, threads), strict=True):
            grades = judged.get(name, {})
            positives = [document for document, grade in grades.items() if grade > 0]
            no_negatives = {*grades, name} if settings.drop_identical_ids else grades
            candidates = [best for best in bm25.names(numbers) if best not in no_negatives][: settings.depth]
            if not positives:
                counts.without_positive += 1
            elif not candidates:
                counts.without_negative += 1
            else:
                drawn = _draw(candidates, settings.negatives, settings.seed, name)
                rows += [(name, positive, negative) for positive in positives for negative in drawn]
        columns = list(zip(*rows, strict=True)) or [(), (), ()]
        yield pa.table([pa.array(column, pa.string()) for column in columns], schema=TRIPLES)


def _draw(candidates: Sequence[str], count: int, seed: int, query: str) -> list[str]:
    key = hashlib.blake2b(f"{seed}\0{query}".encode(), digest_size=8).digest()
    random = np.random.default_rng(int.from_bytes(key, "little"))
    chosen = random.choice(len(candidates), size=min(count, len(candidates)), replace=False)
    return [candidates[number] for number in sorted(chosen)]
