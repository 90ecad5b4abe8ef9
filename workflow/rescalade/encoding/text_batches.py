"""Batches of texts: which stand together, and their padded token numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rescalade.texts.token_batch import TokenBatch
from rescalade.texts.tokens import Tokens


def plan_batches(
    lengths: Sequence[int] | NDArray[np.int64], batch_tokens: int, batch_texts: int | None = None
) -> Iterator[list[int]]:
    """Numbers of texts per batch, shortest first, so that size times longest stays within `batch_tokens`.

    No batch has more than `batch_texts`: the head's results are dense, [B, V], and many short texts would make
    these the largest thing in memory.

    Equal lengths stand in the order of the texts: the plan, and with it every bit of the result, depends on
    the texts alone. A text longer than `batch_tokens` is a batch of its own.
    """
    sizes = np.asarray(lengths, np.int64)
    batch: list[int] = []
    for number in np.argsort(sizes, kind="stable").tolist():
        full = len(batch) == batch_texts or (len(batch) + 1) * int(sizes[number]) > batch_tokens
        if batch and full:
            yield batch
            batch = []
        batch.append(number)
    if batch:
        yield batch


def padded(tokens: Tokens, batch: Sequence[int], padding: int, left_out: Sequence[int]) -> TokenBatch:
    """Token numbers of a batch, padded to its longest text.

    Args:
        padding: number of the padding token.
        left_out: token numbers that take no part in the max: the special ones, or none.
    """
    lengths = tokens.lengths[list(batch)]
    width = max(1, int(lengths.max()))
    mask: NDArray[np.bool_] = np.arange(width) < lengths[:, None]
    numbers: NDArray[Any] = np.full(mask.shape, padding, np.int64)
    parts = [tokens.numbers[tokens.offsets[text] : tokens.offsets[text + 1]] for text in batch]
    numbers[mask] = np.concatenate(parts)
    pooled = mask & ~np.isin(numbers, left_out) if len(left_out) else mask
    return TokenBatch(torch.from_numpy(numbers), torch.from_numpy(mask.astype(np.int64)), torch.from_numpy(pooled))
