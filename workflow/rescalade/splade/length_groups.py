"""Batches cut into pieces of texts of like length, so that little padding is computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

Features = dict[str, Any]
SAVING = 0.15
"""Share of the padded tokens that cutting must spare: below it, the pieces cost more than they save."""
LEAST_WORK = {"cpu": 1024 * 128, "cuda": 8192 * 768}
"""Tokens, padding included, times width of the model, below which a piece would not keep the device busy."""
MOST = 8
"""Pieces at most."""


def by_length(lengths: Tensor, least: int) -> list[Tensor]:
    """Row numbers of the pieces of a batch, or of all rows in their order as the only piece.

    Args:
        lengths: [B] int64 on the CPU, tokens of each text.
        least: padded tokens that a piece should have at least.
    """
    padded = len(lengths) * int(lengths.max())
    count = min(MOST, padded // least, len(lengths))
    if count > 1:
        pieces = list(torch.argsort(lengths, stable=True).chunk(count))
        if sum(len(rows) * int(lengths[rows].max()) for rows in pieces) <= (1 - SAVING) * padded:
            return pieces
    return [torch.arange(len(lengths))]


def cut(features: Features, rows: Tensor, lengths: Tensor) -> Features:
    """Features of some rows, padded to the longest of these."""
    longest = int(lengths[rows].max())
    return {name: value[rows.to(value.device), :longest] for name, value in features.items()}


def reorder(parts: Sequence[tuple[Tensor, Tensor]], rows: Tensor) -> tuple[Tensor, Tensor]:
    """Packed texts of the pieces put back into the order of the batch.

    Args:
        parts: packed [T_i, D] and offsets [B_i + 1] of each piece.
        rows: [B] int64 on the CPU, which row of the batch each text of the pieces was.

    Returns:
        packed [T, D] and offsets [B + 1] of the whole.
    """
    counts = torch.cat([offsets.diff() for _, offsets in parts])
    starts = torch.cumsum(counts, 0) - counts
    order = torch.argsort(rows)
    offsets = torch.zeros(len(rows) + 1, dtype=torch.int64)
    torch.cumsum(counts[order], 0, out=offsets[1:])
    # position t of the whole, in text b, comes from the start of b among the pieces plus its place in b
    place = torch.arange(int(offsets[-1])) - offsets[:-1].repeat_interleave(counts[order])
    source = starts[order].repeat_interleave(counts[order]) + place
    packed = torch.cat([packed for packed, _ in parts])
    return packed[source.to(packed.device)], offsets
