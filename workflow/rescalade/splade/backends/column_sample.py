"""Some vocabulary columns computed exactly: how dense a call is, and whether a screen of it held."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rescalade.splade.backends import compiled

COLUMNS = 128
"""Columns in a sample: 0.4 % of a vocabulary of 30,522."""


@dataclass(frozen=True)
class Sample:
    """columns [S] int64 and their exact term weights [B, S] float32."""

    columns: Tensor
    weights: Tensor

    @classmethod
    def compute(cls, hidden: Tensor, offsets: Tensor, weight: Tensor, bias: Tensor) -> Sample:
        """Evenly spread columns, other ones for other numbers of tokens.

        What is drawn depends on the call's own inputs only, and so does what is decided from it: a training
        that resumes from a checkpoint decides as the unbroken one did.
        """
        stride = max(1, len(weight) // COLUMNS)
        columns = torch.arange(len(hidden) % stride, len(weight), stride)
        weights, _ = compiled.search(hidden, offsets, weight[columns], bias[columns])
        return cls(columns, weights)

    @property
    def density(self) -> float:
        """Share of active pairs; 1 where a weight is not a number, so that nobody calls it sparse."""
        if not self.weights.numel():
            return 0.0
        return float(((self.weights > 0) | self.weights.isnan()).float().mean())

    def missed(self, candidates: Tensor) -> int:
        """Active pairs of the sample that [B, V] candidates leave out."""
        return int(((self.weights > 0) & (candidates[:, self.columns] <= 0)).sum())
