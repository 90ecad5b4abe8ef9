"""Room on a device: what it has, and the weights that are too large for it."""

from __future__ import annotations

import os

import torch
from torch import nn

from rescalade.errors import UserError
from rescalade.models.lora_settings import LoraSettings
from rescalade.training.memory import ADAM_BYTES, HELD_BYTES

GB = 1e9


def check_states(model: nn.Module, device: torch.device, lora: LoraSettings | None) -> None:
    """Refuse to train a model on a device that its weights and AdamW alone do not fit.

    Raises:
        UserError: they do not; the next remedy is named.
    """
    frozen, trained = (
        [parameter for parameter in model.parameters() if parameter.requires_grad == free] for free in (False, True)
    )
    states = sum(p.nbytes for p in frozen) + (HELD_BYTES["fp32"] + ADAM_BYTES) * sum(p.numel() for p in trained)
    refuse_above(states, available(device), lora)


def refuse_above(states: int, room: int, lora: LoraSettings | None) -> None:
    """Refuse weights, gradients and moments of so many bytes on a device that has less.

    Raises:
        UserError: it has; the next remedy is named.
    """
    if states <= room:
        return
    remedy = "train adapters instead of all weights (lora)" if lora is None else "take a larger device"
    if lora is not None and lora.frozen_weights == "fp32":
        remedy = "hold the frozen weights in bf16 (lora.frozen_weights: bf16, with precision: bf16)"
    raise UserError(
        f"not enough memory: weights and AdamW alone take {states / GB:.3g} GB, the device has {room / GB:.3g}; "
        f"{remedy}"
    )


def available(device: torch.device) -> int:
    """Memory of the device, in bytes."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[1])
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
