"""The stage `random`: what a sparse retriever reaches whose vectors say nothing of the texts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from rescalade.retrieval.ranker import Ranker
from rescalade.retrieval.settings import RandomSettings
from rescalade.retrieval.storage import load_index, write_index
from rescalade.scoring.runfile import write_run
from rescalade.scratch import scratch_folder
from rescalade.stage import Call, Files
from rescalade.texts.collection import document_batches, read_table
from rescalade.vectors.vectors import SparseVectors


def run_random(settings: RandomSettings, inputs: Files, outputs: Files, call: Call) -> None:
    """Rank a data set by random vectors, in an index like any other.

    With 64 terms of 1,024 in every text, query and document share 4 of them on average, and 98 % of the documents share
    one at least.

    Args:
        inputs: `corpus`, `queries` and `manifest` of the data set; of its texts only the number counts.
        outputs: `retrieved`, a run file.

    Raises:
        UserError: a file of the data set is missing or damaged.
    """
    folder = inputs["corpus"].parent
    queries = RandomVectors(settings, 0).of(read_table(folder, "queries.parquet")["id"].to_pylist())
    with scratch_folder(outputs["retrieved"]) as scratch:
        write_index(scratch / "index", _documents(folder, settings), settings.vocabulary)
        index = load_index(scratch / "index")
        ranker = Ranker(index, settings.depth, settings.drop_identical_ids, call.machine.threads)
        write_run(outputs["retrieved"], ranker.rankings(queries), "random")
    call.record(outputs["record"])


class RandomVectors:
    """Vectors one after another: the n-th of a side depends on n alone, not on how the texts are cut into parts."""

    def __init__(self, settings: RandomSettings, side: int) -> None:
        """side: 0 for queries, 1 for documents."""
        self._settings = settings
        self._places, self._weights = (np.random.default_rng([settings.seed, side, what]) for what in (0, 1))

    def of(self, ids: list[str]) -> SparseVectors:
        """The next vectors, under these ids: one term of every part of the vocabulary, uniform weights in (0, 1]."""
        terms = self._settings.terms
        width = self._settings.vocabulary // terms
        places = (self._places.random((len(ids), terms)) * width).astype(np.int32)
        weights = 1 - self._weights.random((len(ids), terms), np.float32)
        return SparseVectors(
            ids,
            np.arange(len(ids) + 1, dtype=np.int64) * terms,
            (places + np.arange(terms, dtype=np.int32) * width).reshape(-1),
            weights.reshape(-1),
        )


def _documents(folder: Path, settings: RandomSettings) -> Iterator[SparseVectors]:
    vectors = RandomVectors(settings, 1)
    for batch in document_batches(folder):
        yield vectors.of(batch.column("id").to_pylist())
