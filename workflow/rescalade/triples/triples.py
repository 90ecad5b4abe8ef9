"""Training triples on disk: those that a data set brings, or mined ones."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from rescalade.atomic import atomic_file, sha256
from rescalade.collection_manifest import TriplesManifest
from rescalade.errors import UserError
from rescalade.scratch import scratch_folder
from rescalade.texts.analyser import AnalyserName
from rescalade.texts.triple_files import brought_triples, given_triples
from rescalade.triples.mining import Mined, mine_triples


def make_triples(
    folder: Path,
    path: Path,
    *,
    negatives: int,
    depth: int,
    seed: int,
    analyser: AnalyserName = "english",
    drop_identical_ids: bool = False,
    threads: int = 1,
) -> TriplesManifest:
    """Write the triples of a collection, and a manifest beside them; memory does not grow with the corpus.

    Triples that the set brings, as its manifest says, are taken, at most `negatives` per query and positive; else
    negatives are mined with BM25 (rescalade.triples.mining), among them never the document whose id is the query's
    where `drop_identical_ids` says that it is the query itself.

    Raises:
        UserError: there is no triple at all, or a file is missing or not what the manifest says.
    """
    given = brought_triples(folder)
    if given is not None:
        return write_triples(path, given_triples(given, negatives))
    counts = Mined()
    with scratch_folder(path) as scratch:
        tables = mine_triples(
            folder,
            scratch,
            counts,
            negatives=negatives,
            depth=depth,
            seed=seed,
            analyser=analyser,
            drop_identical_ids=drop_identical_ids,
            threads=threads,
        )
        return write_triples(path, tables, counts)


def write_triples(
    path: Path, parts: Iterable[pa.Table | pa.RecordBatch], mined: Mined | None = None
) -> TriplesManifest:
    """Write tables or batches of one schema as they come, then the manifest.

    Args:
        mined: counts of mined ones, which are complete when the last part has come.

    Raises:
        UserError: there is no triple at all.
    """
    rows = 0
    with atomic_file(path) as temporary:
        writer: pq.ParquetWriter | None = None
        try:
            for part in parts:
                writer = writer or pq.ParquetWriter(temporary, part.schema, compression="zstd")
                rows += len(part)
                if isinstance(part, pa.RecordBatch):
                    writer.write_batch(part)
                else:
                    writer.write_table(part)
        finally:
            if writer is not None:
                writer.close()
        if not rows:
            reason = "no query has both a relevant document and a hard negative" if mined else "the given file is empty"
            raise UserError(f"{path}: {reason}; there is nothing to train on")
    manifest = TriplesManifest(
        origin="given" if mined is None else "mined",
        triples=rows,
        sha256=sha256(path),
        queries_without_positive=None if mined is None else mined.without_positive,
        queries_without_negative=None if mined is None else mined.without_negative,
    )
    manifest.write(path.with_suffix(".json"))
    return manifest
