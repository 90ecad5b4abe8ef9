"""Training triples that a data set brings along, cut to as many negatives as a recipe asks for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from rescalade.atomic import sha256
from rescalade.collection_manifest import CollectionManifest, TriplesManifest
from rescalade.errors import UserError, let_refusals_through
from rescalade.texts.collection import check_file

GIVEN = "given-triples.parquet"
"""Every data set has it; of one that brings no triples it is empty, and its manifest says so."""
IDS = ("query_id", "positive_id", "negative_id")
TRIPLES = pa.schema([(name, pa.string()) for name in IDS])
SCORES = ("positive_score", "negative_score")
"""Of a teacher; a file has both or neither."""
BATCH_ROWS = 65_536


def brought_triples(folder: Path) -> Path | None:
    """The file of the triples that a data set brings, compared with its manifest; None for a set that brings none.

    Raises:
        UserError: the file is missing or not what the manifest says.
    """
    manifest = CollectionManifest.read(folder / "manifest.json")
    if not manifest.brings_triples:
        return None
    check_file(folder, GIVEN, manifest.sha256)
    return folder / GIVEN


def given_triples(path: Path, negatives: int) -> Iterator[pa.RecordBatch]:
    """The first `negatives` rows of every query and positive, in the order of the file.

    The file is read twice: once for a 64-bit hash of each row's query and positive, 29 bytes a row with what counts
    them, and once to write; 26 million triples take just under 1 GB. Two pairs with one hash would share their rows;
    among so many that happens in one file out of fifty thousand.

    Raises:
        UserError: the file cannot be read, a column is missing, or an id is null.
    """
    try:
        with pq.ParquetFile(path, pre_buffer=False) as file:  # else pyarrow keeps all of the file
            schema = _schema(path, file.schema_arrow)
            keep = _first(_pairs(path, file), negatives)
            start = 0
            for batch in file.iter_batches(BATCH_ROWS, columns=schema.names):
                wanted = keep[start : start + len(batch)]
                start += len(batch)
                yield batch.filter(pa.array(wanted)).cast(schema)
    except (OSError, pa.ArrowException) as error:
        let_refusals_through(error)
        raise UserError(f"{path}: cannot be read as Parquet ({error}); make the data set again") from None


def _schema(path: Path, found: pa.Schema) -> pa.Schema:
    scores = [name for name in SCORES if name in found.names]
    missing = [name for name in (*IDS, *(SCORES if scores else ())) if name not in found.names]
    if missing:
        raise UserError(f"{path}: column {missing[0]} is missing, found {', '.join(found.names)}")
    return pa.schema([*TRIPLES, *(pa.field(name, pa.float32()) for name in scores)])


def _pairs(path: Path, file: pq.ParquetFile) -> NDArray[np.uint64]:
    """[rows] hash of query and positive."""
    from pandas.util import hash_array

    hashes = np.empty(file.metadata.num_rows, np.uint64)
    start = 0
    for batch in file.iter_batches(BATCH_ROWS, columns=list(IDS)):
        for name in IDS:
            if batch.column(name).null_count:
                raise UserError(f"{path}: {name} is null in one of rows {start} to {start + len(batch)}")
        query, positive = (
            hash_array(batch.column(name).to_numpy(zero_copy_only=False), categorize=False) for name in IDS[:2]
        )
        hashes[start : start + len(batch)] = query * np.uint64(0x9E3779B97F4A7C15) ^ positive  # odd: loses nothing
        start += len(batch)
    return hashes


def _first(hashes: NDArray[np.uint64], count: int) -> NDArray[np.bool_]:
    """[rows] whether a row is among the first `count` of its hash."""
    order = np.argsort(hashes, kind="stable")
    ordered = hashes[order]
    begins = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])) if len(ordered) else order
    lengths = np.diff(np.append(begins, len(ordered)))
    keep = np.zeros(len(hashes), np.bool_)
    for rank in range(min(count, int(lengths.max(initial=0)))):
        keep[order[begins[lengths > rank] + rank]] = True
    return keep


def read_triples(path: Path) -> pa.Table:
    """Read triples.

    Raises:
        UserError: the file is missing or differs from its manifest.
    """
    manifest = TriplesManifest.read(path.with_suffix(".json"))
    if not path.is_file() or sha256(path) != manifest.sha256:
        raise UserError(f"{path} is missing or damaged; delete it and run again")
    return pq.read_table(path)
