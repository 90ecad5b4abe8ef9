"""What decides an encoding."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rescalade.splade.backends import Backend
from rescalade.strict import Strict
from rescalade.vectors.file_names import Storage

Precision = Literal["fp32", "bf16"]


class EncodeSettings(Strict):
    """The stage `encode`.

    query_length, document_length: tokens, special ones included. pool_special_tokens: whether these take part in the
    max. shard_documents: documents of a shard. batch_tokens: of a batch, padding included. weights: type on disk, see
    rescalade.vectors.storage. top_terms: heaviest terms kept of every document (queries keep all); None keeps all.
    shard_bytes: bound on a shard's entries in memory, see Collector. precision: bf16 runs the encoder under autocast.
    head: back end of the SPLADE head. corpus: data set with the same documents, encoded under its own name; then the
    queries alone are encoded.

    documents: how many there must be, where that is declared: it refuses a data set and changes no vector, so it is not
    recorded.
    """

    query_length: int
    document_length: int
    pool_special_tokens: bool
    shard_documents: int = 65536
    batch_tokens: int = 4096
    weights: Storage = "auto"
    top_terms: int | None = None
    shard_bytes: int = 2**29
    precision: Precision = "fp32"
    head: Backend = "auto"
    corpus: str | None = None
    documents: int | None = Field(None, exclude=True)
