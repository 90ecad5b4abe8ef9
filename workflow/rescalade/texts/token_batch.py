"""Texts as padded batches of token numbers."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class TokenBatch:
    """Padded texts: input_ids [B, L] int64, attention_mask [B, L] int64, pooled [B, L] bool."""

    input_ids: Tensor
    attention_mask: Tensor
    pooled: Tensor

    def to(self, device: torch.device) -> TokenBatch:
        """The batch on a device."""
        return TokenBatch(self.input_ids.to(device), self.attention_mask.to(device), self.pooled.to(device))
