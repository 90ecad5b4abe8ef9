"""The inputs of the pooling's benchmarks: random logits of which a chosen share is active."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class PoolingProblem:
    """hidden [B, L, D], mask [B, L] bool, weight [V, D], bias [V], upstream dLoss/dy [B, V]; all float32."""

    hidden: Tensor
    mask: Tensor
    weight: Tensor
    bias: Tensor
    upstream: Tensor

    @classmethod
    def random(cls, shape: tuple[int, int, int, int], active: float, density: float) -> PoolingProblem:
        """Logits of unit variance; the bias leaves a share `active` of the (text, term) pairs active.

        Args:
            shape: (B, L, D, V).
            active: share of active pairs; 1 means every one.
            density: mean share of real tokens; below 1 the texts' lengths are spread evenly around it.
        """
        texts, length, width, vocabulary = shape
        random = torch.Generator().manual_seed(0)
        hidden = torch.randn(texts, length, width, generator=random)
        weight = torch.randn(vocabulary, width, generator=random) / width**0.5
        spread = torch.linspace(2 * density - 1, 1, texts) if texts > 1 else torch.tensor([density])
        lengths = (spread * length).round().clamp(1, length).long()
        mask = torch.arange(length) < lengths[:, None]
        few = min(texts, 8)
        chosen = torch.linspace(0, texts - 1, few).long()
        logits = (hidden[chosen] @ weight[:2048].t()).masked_fill(~mask[chosen, :, None], float("-inf")).amax(1)
        threshold = logits.min() - 1 if active >= 1 else torch.quantile(logits, 1 - active)
        bias = torch.full((vocabulary,), -float(threshold))
        return cls(hidden, mask, weight, bias, torch.randn(texts, vocabulary, generator=random))

    @property
    def tokens(self) -> int:
        """Real tokens T."""
        return int(self.mask.sum())
