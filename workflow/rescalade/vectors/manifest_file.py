"""What the manifest of encoded texts says of them; readable without loading anything else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from rescalade.stored import Stored
from rescalade.strict import Strict

State = Literal["non-finite", "dead", "saturated", "ok"]
"""How the model looks over a whole data set, the worst first; see docs/collapse.md."""


class Removed(Strict):
    """Shares of what the model gave: of its entries, and of their weight."""

    postings: float
    weight: float


class LeftOut(Strict):
    """by_cap: by the number of terms kept or the bytes of a shard. by_storage: by the type on disk."""

    by_cap: Removed
    by_storage: Removed


class EncodingFacts(Strict):
    """What became of the texts of a data set.

    state: the worse one of queries and documents. non_finite_texts, bounded_shards: of both together; such texts have
    empty vectors, such shards met their bound on bytes. active_terms, weights, left_out: of the documents.
    """

    state: State
    non_finite_texts: int
    bounded_shards: int
    active_terms: float
    weights: str
    left_out: LeftOut


class DataDigests(Strict):
    """sha256 of the two files of a data set; of texts of one's own nothing, or that of the file."""

    corpus: str
    queries: str


class VectorsManifest(Stored):
    """`vectors/DATASET/manifest.json`, written last: it guards the other files of the folder.

    model, tokenizer: digests. vocabulary: V. documents, queries, postings: counts, the last one of documents.
    shards: names of the documents' files in order. weights: type on disk, or `mixed`. settings: what decided the
    encoding, by name. sha256: of every file by name. corpus: the data set whose vectors hold the documents, where these
    files do not. The rest: see EncodingFacts.
    """

    model: str
    tokenizer: str
    data: DataDigests
    vocabulary: int
    documents: int
    queries: int
    postings: int
    shards: tuple[str, ...]
    weights: str
    settings: Mapping[str, Any]
    sha256: Mapping[str, str]
    state: State
    active_terms: float
    non_finite_texts: int
    bounded_shards: int
    left_out: LeftOut
    corpus: str | None
