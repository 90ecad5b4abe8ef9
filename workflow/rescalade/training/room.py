"""Room on a device: what it has, and the weights that are too large for it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch
from torch import nn

from rescalade.errors import UserError
from rescalade.models.lora_settings import LoraSettings
from rescalade.models.room import GB, bytes_of, capacity, check_room, free, stored_weights
from rescalade.training.memory import ADAM_BYTES, HELD_BYTES


def frozen_type(lora: LoraSettings | None) -> Literal["fp32", "bf16"]:
    """Type of the matrices in memory: without adapters all are trained, in float32."""
    return "fp32" if lora is None else lora.frozen_weights


def check_stored(folder: Path, device: torch.device, lora: LoraSettings | None) -> None:
    """Refuse to load a model that could not be trained on a device, or not be saved by this machine, by its headers.

    Adapters are left out: their number is known once they are there, and it is small.

    Raises:
        UserError: weights and AdamW do not fit what the device has free; or the weights, which are saved in float32,
            do not fit the memory of the machine.
    """
    weights = stored_weights(folder)
    states = bytes_of(weights, HELD_BYTES[frozen_type(lora)])
    if lora is None:
        states += ADAM_BYTES * sum(weight.numel for weight in weights)
    refuse_above(states, free(device), lora)
    check_room(folder, bytes_of(weights), torch.device("cpu"))


def check_states(model: nn.Module, device: torch.device, lora: LoraSettings | None) -> None:
    """Refuse to train a model on a device that its weights and AdamW alone do not fit.

    Raises:
        UserError: they do not; the next remedy is named.
    """
    frozen, trained = (
        [parameter for parameter in model.parameters() if parameter.requires_grad == free] for free in (False, True)
    )
    states = sum(p.nbytes for p in frozen) + (HELD_BYTES["fp32"] + ADAM_BYTES) * sum(p.numel() for p in trained)
    refuse_above(states, capacity(device), lora)


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
