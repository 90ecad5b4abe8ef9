"""What decides an encoding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rescalade.vectors.file_names import Storage

if TYPE_CHECKING:
    from rescalade.splade.backends.choose import Backend

Precision = Literal["fp32", "bf16"]


@dataclass(frozen=True)
class EncodeSettings:
    """Settings of the encoding stage.

    query_length, document_length: tokens, special ones included. pool_special_tokens: whether these take
    part in the max. shard_documents: documents of a shard. batch_tokens: of a batch, padding included.
    weights: type on disk, see rescalade.vectors.storage. top_terms: heaviest terms kept of every document
    (queries keep all); None keeps all. shard_bytes: bound on a shard's entries in memory, see Collector.
    precision: bf16 runs the encoder under autocast. head: backend of the SPLADE head, auto or one of its
    names.
    """

    query_length: int
    document_length: int
    pool_special_tokens: bool
    shard_documents: int
    batch_tokens: int
    weights: Storage = "auto"
    top_terms: int | None = None
    shard_bytes: int = 2**29
    precision: Precision = "fp32"
    head: Backend = "auto"
