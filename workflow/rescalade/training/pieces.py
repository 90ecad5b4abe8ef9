"""Batches cut into pieces of texts of like length, so that little padding is computed."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

Features = dict[str, Any]
SAVING = 0.15
"""Share of the padded tokens that cutting must spare: below it, the pieces cost more than they save."""
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
