"""What the manifest of encoded texts says of them; readable without loading anything else."""

from __future__ import annotations

from typing import Literal

from rescalade.strict import Strict

State = Literal["non-finite", "saturated", "dead", "ok"]
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
