"""The stage `triples`: those that a data set brings, or mined ones."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from rescalade.atomic import atomic_file, sha256
from rescalade.collection_manifest import TriplesManifest
from rescalade.errors import UserError
from rescalade.scratch import scratch_folder
from rescalade.stage import Call, Files
from rescalade.texts.triple_files import brought_triples, given_triples
from rescalade.triples.mining import Mined, mine_triples
from rescalade.triples.settings import TriplesSettings


def run_triples(settings: TriplesSettings, inputs: Files, outputs: Files, call: Call) -> None:
    """Make training triples: those that the data set brings, else with hard negatives from BM25.

    Raises:
        UserError: there is no triple at all, or a file of the data set is missing or damaged.
    """
    make_triples(inputs["corpus"].parent, outputs["triples"], settings, call.machine.threads)
    call.record(outputs["record"])


def make_triples(folder: Path, path: Path, settings: TriplesSettings, threads: int = 1) -> TriplesManifest:
    """Write the triples of a collection, and a manifest beside them; memory does not grow with the corpus.

    Triples that the set brings, as its manifest says, are taken, at most `negatives` per query and positive; else
    negatives are mined with BM25 (rescalade.triples.mining).

    Raises:
        UserError: there is no triple at all, or a file is missing or not what the manifest says.
    """
    given = brought_triples(folder)
    if given is not None:
        return _write(path, given_triples(given, settings.negatives))
    counts = Mined()
    with scratch_folder(path) as scratch:
        return _write(path, mine_triples(folder, scratch, counts, settings, threads), counts)


def _write(path: Path, parts: Iterable[pa.Table | pa.RecordBatch], mined: Mined | None = None) -> TriplesManifest:
    """Write parts of one schema as they come, then the manifest; the counts are complete when the last has come."""
    rows, writer = 0, None
    with atomic_file(path) as temporary, ExitStack() as stack:
        for part in parts:
            writer = writer or stack.enter_context(pq.ParquetWriter(temporary, part.schema, compression="zstd"))
            writer.write(part)
            rows += len(part)
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
