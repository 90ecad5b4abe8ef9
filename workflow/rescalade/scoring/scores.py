"""What a ranking reached on a data set, and what it cost."""

from __future__ import annotations

from collections.abc import Mapping

from rescalade.stored import Stored
from rescalade.strict import Strict
from rescalade.vectors.manifest_file import EncodingFacts


class Searched(Strict):
    """index_bytes: of its files. queries_per_second: of CPU time."""

    index_bytes: int
    queries_per_second: float


class Timings(Stored, Searched):
    """`retrieved/DATASET.json`, beside a ranking."""


class Sparsity(Strict):
    """Of encoded queries and documents.

    active_query, active_document: mean number of terms with a weight above 0. flops: sum_j p_q(j) p_d(j), with p the
    share of texts that contain term j: the expected number of multiplications to score one query-document pair (Formal
    et al., arXiv 2109.10086). flops_regulariser_*: sum_j (mean weight_j)^2, what the training regulariser measures,
    here over the whole collection.
    """

    active_query: float
    active_document: float
    flops: float
    flops_regulariser_query: float
    flops_regulariser_document: float


class SearchedVectors(Stored):
    """`retrieved/DATASET.json` of vectors that others have written: their sparsity, and what the search took."""

    sparsity: Sparsity
    timings: Searched


class Scores(Stored):
    """`scores/DATASET.json`.

    queries: those that are judged. metrics: means over them by name of the measure. groups: the same for the queries of
    each group, with their number under `queries`. sparsity, timings, encoding: None for BM25.
    """

    run: str
    dataset: str
    queries: int
    documents: int
    metrics: Mapping[str, float]
    groups: Mapping[str, Mapping[str, int | float]]
    sparsity: Sparsity | None
    timings: Searched | None
    encoding: EncodingFacts | None
