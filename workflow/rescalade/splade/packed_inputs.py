"""Decoder inputs of the tokens that count, packed text after text: what the pooling takes in training."""

from __future__ import annotations

import torch
from torch import Tensor

from rescalade.splade.length_groups import LEAST_WORK, Features, by_length, cut, reorder
from rescalade.splade.model import SpladeModel
from rescalade.splade.pooling import operand, pack


def packed_inputs(splade: SpladeModel, features: Features, *, half: bool) -> tuple[Tensor, Tensor]:
    """(packed [T, D] float32, offsets [B + 1] int64 on the CPU) of a batch.

    Long and short texts go through the encoder apart where that spares much padding and padding changes nothing.

    Args:
        features: input_ids, attention_mask and pooled, [B, L] each.
        half: whether the encoder runs in bf16 autocast; what it hands over is float32 again on a CPU.
    """
    if splade.head.family.padding_counts:
        return _packed(splade, features, half)
    device = features["input_ids"].device
    mask = features["attention_mask"]
    # to the last token of each: an echo may have padding before it
    lengths = (mask * torch.arange(1, mask.shape[1] + 1, device=device)).amax(1).cpu()
    work = LEAST_WORK.get(device.type, LEAST_WORK["cuda"])
    pieces = by_length(lengths, work // splade.head.weight.shape[1])
    if len(pieces) == 1:
        return _packed(splade, features, half)
    parts = [_packed(splade, cut(features, rows, lengths), half) for rows in pieces]
    return reorder(parts, torch.cat(pieces))


def _packed(splade: SpladeModel, features: Features, half: bool) -> tuple[Tensor, Tensor]:
    ids = features["input_ids"]
    with torch.autocast(ids.device.type, torch.bfloat16, enabled=half):
        hidden = splade.decoder_inputs(ids, features["attention_mask"])
    return pack(operand(hidden, half), features["pooled"].bool())
