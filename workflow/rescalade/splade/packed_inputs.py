"""Decoder inputs of the tokens that count, packed text after text: what the pooling takes."""

from __future__ import annotations

import torch
from torch import Tensor

from rescalade.splade.length_groups import LEAST_WORK, Features, by_length, cut, reorder
from rescalade.splade.length_pieces import pieces
from rescalade.splade.model import SpladeModel
from rescalade.splade.pooling import operand, pack
from rescalade.splade.unpadded import takes, unpadded_inputs


def packed_inputs(
    splade: SpladeModel, features: Features, *, half: bool, encoding: bool = False
) -> tuple[Tensor, Tensor]:
    """(packed [T, D] float32, offsets [B + 1] int64 on the CPU) of a batch.

    Long and short texts go through the encoder apart where that spares much padding and padding changes nothing.

    Args:
        features: input_ids, attention_mask and pooled, [B, L] each.
        half: whether the encoder runs in bf16 autocast; what it hands over is float32 again on a CPU.
        encoding: whether the batch is encoded and not trained on. A GPU encodes it whole.
    """
    if splade.head.family.padding_counts:
        return _packed(splade, features, half)
    if encoding and takes(splade, features):
        return unpadded_inputs(splade, features, half=half)
    mask = features["attention_mask"]
    # to the last token of each: an echo may have padding before it; no piece of empty texts has no positions
    lengths = (mask * torch.arange(1, mask.shape[1] + 1, device=mask.device)).amax(1).clamp(min=1).cpu()
    parts = _pieces(splade, lengths, encoding)
    if len(parts) == 1:
        return _packed(splade, features, half)
    return reorder([_packed(splade, cut(features, rows, lengths), half) for rows in parts], torch.cat(parts))


def _pieces(splade: SpladeModel, lengths: Tensor, encoding: bool) -> list[Tensor]:
    """Row numbers of each piece."""
    device = splade.device.type
    if device == "cpu" and (encoding or not splade.head.weight.requires_grad):  # frozen, as it is beside adapters
        return pieces(lengths, splade, frozen=True)
    if encoding:
        return [torch.arange(len(lengths))]
    return by_length(lengths, LEAST_WORK.get(device, LEAST_WORK["cuda"]) // splade.head.weight.shape[1])


def _packed(splade: SpladeModel, features: Features, half: bool) -> tuple[Tensor, Tensor]:
    ids = features["input_ids"]
    with torch.autocast(ids.device.type, torch.bfloat16, enabled=half):
        hidden = splade.decoder_inputs(ids, features["attention_mask"])
    return pack(operand(hidden, half), features["pooled"].bool())
