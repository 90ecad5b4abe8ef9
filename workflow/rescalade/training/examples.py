"""Training examples as token numbers, and as the padded batches that the model takes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rescalade.models.splade_config import SpladeConfig
from rescalade.texts.tokens import Tokens

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

SIDES = ("query", "document")


@dataclass(frozen=True)
class Examples:
    """Token numbers of the texts, and which of them make up each training example.

    queries, documents: token numbers of each distinct text; only texts of examples that are drawn are there.
    rows: [E, 2 + n] integers, per example its query, its positive and its n negatives; -1 for a text never drawn.
    teacher: [E, 1 + n] float32 teacher scores of the positive and the negatives, or None.
    counts: what was left out or cut, by reason, for the outcome.
    """

    queries: Tokens
    documents: Tokens
    rows: NDArray[np.int32] | NDArray[np.int64]
    teacher: NDArray[np.float32] | None = None
    counts: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def negatives(self) -> int:
        """Hard negatives of an example, n."""
        return int(self.rows.shape[1]) - 2


def packed(texts: Iterable[Sequence[int]]) -> Tokens:
    """Token numbers per text, put one after another."""
    rows = [np.asarray(text, np.int32) for text in texts]
    offsets = np.cumsum([0, *map(len, rows)], dtype=np.int64)
    return Tokens(np.concatenate([np.zeros(0, np.int32), *rows]), offsets)


def collate(
    tokenizer: PreTrainedTokenizerBase, examples: Examples, numbers: Sequence[int], how: SpladeConfig
) -> dict[str, Tensor]:
    """Padded batch of some examples, by the names sentence-transformers' trainer takes apart.

    Returns:
        {query,document}_{input_ids,attention_mask,pooled}: [B, L] and [B + B n, L]; documents are the positives
        in the order of the queries, then the negatives, query after query. label: [B, 1 + n] teacher scores, if any.
    """
    chosen = examples.rows[np.asarray(numbers)]
    texts = {
        "query": examples.queries.rows(chosen[:, 0]),
        "document": examples.documents.rows(np.concatenate([chosen[:, 1], chosen[:, 2:].reshape(-1)])),
    }
    batch: dict[str, Tensor] = {}
    for side in SIDES:
        padded = how.layout(queries=side == "query").batch(tokenizer, texts[side])
        batch |= {f"{side}_{name}": value for name, value in vars(padded).items()}
    if examples.teacher is not None:
        batch["label"] = torch.from_numpy(examples.teacher[np.asarray(numbers)])
    return batch
