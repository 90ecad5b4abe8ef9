"""The micro-batch that a pipeline's audit looks at: one that training draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import torch

from rescalade.data.collection import Collection
from rescalade.splade.batch import TokenBatch, pad, tokenise
from rescalade.training.batches import micro_batches

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def triple_batches(
    tokenizer: PreTrainedTokenizerBase,
    collection: Collection,
    triples: pa.Table,
    *,
    batch_size: int,
    lengths: tuple[int, int],
    pool_special: bool,
    device: str,
) -> tuple[TokenBatch, TokenBatch]:
    """Queries and documents (positives, then hard negatives) of the first micro-batch of seed 0.

    Args:
        triples: table (query_id, positive_id, negative_id).
        lengths: tokens of a query and of a document.
    """
    rows = triples.take(next(micro_batches(len(triples), batch_size, seed=0))).to_pylist()
    queries = dict(zip(collection.queries["id"].to_pylist(), collection.queries["text"].to_pylist(), strict=True))
    documents = dict(zip(collection.corpus["id"].to_pylist(), collection.document_texts(), strict=True))
    asked = [queries[row["query_id"]] for row in rows]
    texts = [documents[row[key]] for key in ("positive_id", "negative_id") for row in rows]
    to = torch.device(device)
    return (
        pad(tokenizer, tokenise(tokenizer, asked, lengths[0]), pool_special).to(to),
        pad(tokenizer, tokenise(tokenizer, texts, lengths[1]), pool_special).to(to),
    )
