"""Texts as padded batches of token numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class TokenBatch:
    """Padded texts: input_ids [B, L] int64, attention_mask [B, L] int64, pooled [B, L] bool."""

    input_ids: Tensor
    attention_mask: Tensor
    pooled: Tensor

    def to(self, device: torch.device) -> TokenBatch:
        """The batch on a device."""
        return TokenBatch(self.input_ids.to(device), self.attention_mask.to(device), self.pooled.to(device))


def tokenise(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], length: int) -> list[list[int]]:
    """Token numbers per text, special tokens included, cut to `length`."""
    if not texts:
        return []
    numbers: list[list[int]] = tokenizer(list(texts), truncation=True, max_length=length)["input_ids"]
    return numbers


def pad(
    tokenizer: PreTrainedTokenizerBase, rows: Sequence[Sequence[int] | NDArray[np.int32]], pool_special: bool
) -> TokenBatch:
    """Pad to the longest row.

    Args:
        rows: token numbers per text.
        pool_special: whether special tokens take part in the max; otherwise `pooled` leaves them out.
    """
    lengths = np.array([len(row) for row in rows], np.int64)
    mask: NDArray[np.bool_] = np.arange(max(1, lengths.max(initial=1))) < lengths[:, None]
    numbers: NDArray[np.int64] = np.full(mask.shape, int(tokenizer.pad_token_id), np.int64)
    if len(rows):
        numbers[mask] = np.concatenate(rows)
    pooled = mask if pool_special else mask & ~np.isin(numbers, sorted(tokenizer.all_special_ids))
    return TokenBatch(torch.from_numpy(numbers), torch.from_numpy(mask.astype(np.int64)), torch.from_numpy(pooled))
