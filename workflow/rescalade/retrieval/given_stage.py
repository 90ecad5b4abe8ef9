"""The stage `take_vectors`: vectors that others have written are searched on a data set."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rescalade.errors import UserError
from rescalade.retrieval.given_vectors import Vocabulary, given_documents, given_queries
from rescalade.retrieval.index import build_index
from rescalade.retrieval.ranker import Ranker
from rescalade.retrieval.settings import SearchSettings
from rescalade.scoring.flops import sparsity
from rescalade.scoring.given_run import MOST_UNKNOWN
from rescalade.scoring.runfile import write_run
from rescalade.scoring.scores import Searched, SearchedVectors
from rescalade.stage import Call, Files
from rescalade.texts.collection import read_table
from rescalade.vectors.vectors import SparseVectors

log = logging.getLogger(__name__)


class TakeVectorsSettings(SearchSettings):
    """The stage `take_vectors`: as of a search. documents, queries: the files."""

    documents: str
    queries: str


def run_take_vectors(settings: TakeVectorsSettings, inputs: Files, outputs: Files, call: Call) -> None:
    """Invert the documents in memory, search every query, and measure sparsity and cost.

    Documents are numbered in the order of the data set's corpus, so that equal scores are ordered as for our own
    vectors.

    Args:
        inputs: `corpus`, `queries` and `manifest` of the data set.
        outputs: `retrieved`, a run file; `searched`, see SearchedVectors.

    Raises:
        UserError: a file is no list of vectors, or is of other queries or another corpus.
    """
    data = inputs["manifest"].parent
    vocabulary: Vocabulary = {}
    places = {"documents": Path(settings.documents).expanduser(), "queries": Path(settings.queries).expanduser()}
    documents = given_documents(places["documents"], vocabulary)
    queries = given_queries(places["queries"], vocabulary)
    corpus = read_table(data, "corpus.parquet").column("id").to_pylist()
    wanted = read_table(data, "queries.parquet").column("id").to_pylist()
    documents = _chosen(documents, corpus, places["documents"], f"documents of data set {data.name}")
    queries = _chosen(queries, wanted, places["queries"], f"queries of data set {data.name}")
    index = build_index([documents], len(vocabulary))
    ranker = Ranker(index, settings.depth, settings.drop_identical_ids, call.machine.threads)
    write_run(outputs["retrieved"], ranker.rankings(queries), tag=call.names["given"])
    SearchedVectors(
        sparsity=sparsity(queries, [documents], len(vocabulary)),
        timings=Searched(index_bytes=index.bytes, queries_per_second=len(queries) / max(ranker.seconds, 1e-9)),
    ).write(outputs["searched"])
    call.record(outputs["record"])


def _chosen(vectors: SparseVectors, ids: Sequence[str], path: Path, what: str) -> SparseVectors:
    """Vectors of some ids in their order; what lacks and what is of others is said.

    Raises:
        UserError: none, or less than half of the vectors, is of these ids.
    """
    place = {name: number for number, name in enumerate(vectors.ids)}
    rows = np.array([place[name] for name in ids if name in place], np.int64)
    others, missing = len(vectors) - len(rows), len(ids) - len(rows)
    if not len(rows) or others > MOST_UNKNOWN * len(vectors):
        wanted = set(ids)
        example = next(name for name in vectors.ids if name not in wanted)
        raise UserError(f"{path}: {others} of its {len(vectors)} vectors are of no {what}, such as {example!r}")
    for count, words in ((others, f"vectors are of no {what} and are left out"), (missing, f"{what} have no vector")):
        if count:
            log.warning("%s: %d %s", path, count, words)
    lengths = np.diff(vectors.offsets)[rows]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    entries = np.repeat(vectors.offsets[rows] - offsets[:-1], lengths) + np.arange(offsets[-1])
    return SparseVectors(
        [vectors.ids[row] for row in rows.tolist()], offsets, vectors.terms[entries], vectors.weights[entries]
    )
