"""Collections of a few words, in memory and on disk."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from rescalade.data.dataset_config import DatasetConfig
from rescalade.data.streams import CollectionStreams, Document, Judgement, Query
from rescalade.data.writer import write_streams
from rescalade.texts.collection import CORPUS, QRELS, QUERIES, Collection
from support.oracle import write_tables


def collection(documents: dict[str, str], queries: dict[str, str], qrels: dict[tuple[str, str], int]) -> Collection:
    """From texts by id, and grades by query and document; every query is of group g."""
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


def save(folder: Path, found: Collection) -> Path:
    """Write its tables, whether they are a sound collection or not; returns the folder."""
    write_tables(folder, found)
    return folder


def write_collection(folder: Path, found: Collection) -> None:
    """Write it as the stage does, which refuses an unsound one."""
    streams = CollectionStreams(
        documents=lambda: (Document(**row) for row in found.corpus.to_pylist()),
        queries=lambda: (Query(**row) for row in found.queries.to_pylist()),
        judgements=lambda: (Judgement(*row.values()) for row in found.qrels.to_pylist()),
    )
    write_streams(folder, folder.name, DatasetConfig(source="none"), streams)
