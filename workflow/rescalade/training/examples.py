"""Training examples as token numbers, and as the padded batches that the model takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rescalade.splade.batch import pad

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

SIDES = ("query", "document")


@dataclass(frozen=True)
class Examples:
    """Token numbers of the texts, and which of them make up each training example.

    queries, documents: token numbers of each distinct text; only texts of examples that are drawn are there.
    rows: [E, 2 + n] int64, per example its query, its positive and its n negatives; -1 for a text never drawn.
    teacher: [E, 1 + n] float32 teacher scores of the positive and the negatives, or None.
    counts: what was left out or cut, by reason, for the outcome.
    """

    queries: Sequence[list[int]]
    documents: Sequence[list[int]]
    rows: NDArray[np.int64]
    teacher: NDArray[np.float32] | None = None
    counts: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def negatives(self) -> int:
        """N."""
        return int(self.rows.shape[1]) - 2

    def tokens(self, numbers: NDArray[np.int64]) -> tuple[int, int]:
        """Tokens of some examples, padding not counted: of the queries, of the documents."""
        queries = np.array([len(text) for text in self.queries])
        documents = np.array([len(text) for text in self.documents])
        chosen = self.rows[numbers]
        return int(queries[chosen[:, 0]].sum()), int(documents[chosen[:, 1:]].sum())


def collate(
    tokenizer: PreTrainedTokenizerBase, examples: Examples, numbers: Sequence[int], pool_special_tokens: bool
) -> dict[str, Tensor]:
    """Padded batch of some examples, by the names sentence-transformers' trainer takes apart.

    Returns:
        {query,document}_{input_ids,attention_mask,pooled}: [B, L] and [B + B n, L]; documents are the positives
        in the order of the queries, then the negatives, query after query. label: [B, 1 + n] teacher scores, if any.
    """
    chosen = examples.rows[np.asarray(numbers)]
    texts = {
        "query": [examples.queries[number] for number in chosen[:, 0]],
        "document": [examples.documents[number] for number in [*chosen[:, 1], *chosen[:, 2:].reshape(-1)]],
    }
    batch: dict[str, Tensor] = {}
    for side in SIDES:
        padded = pad(tokenizer, texts[side], pool_special_tokens)
        batch |= {f"{side}_{name}": value for name, value in vars(padded).items()}
    if examples.teacher is not None:
        batch["label"] = torch.from_numpy(examples.teacher[np.asarray(numbers)])
    return batch
