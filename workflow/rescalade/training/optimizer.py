"""AdamW with decay on matrices only, and a learning rate of its own for some of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn


def adamw(
    model: nn.Module,
    *,
    learning_rate: float,
    weight_decay: float,
    betas: tuple[float, float],
    epsilon: float,
    apart: Sequence[Tensor] = (),
    factor: float = 1.0,
) -> torch.optim.AdamW:
    """AdamW over the trainable parameters; weight decay skips biases and norm weights (one-dimensional).

    Args:
        apart: matrices of the model whose learning rate, and with it their decay, is `factor` times that of the others.
    """
    own = {id(tensor) for tensor in apart} if factor != 1 else set()
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad and id(parameter) not in own]
    groups: list[dict[str, Any]] = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay, "lr": learning_rate},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0, "lr": learning_rate},
    ]
    if own:
        groups.append({"params": list(apart), "weight_decay": weight_decay, "lr": factor * learning_rate})
    return torch.optim.AdamW(groups, lr=learning_rate, betas=betas, eps=epsilon)
