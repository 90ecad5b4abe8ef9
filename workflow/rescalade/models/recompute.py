"""Gradient checkpointing: what a layer computed is thrown away and computed again on the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rescalade.errors import UserError

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def recompute_layers(model: PreTrainedModel) -> None:
    """Keep only the inputs of a model's layers for the backward pass, for one more forward pass; gradients stay.

    Raises:
        UserError: transformers cannot do that with this model type.
    """
    if not model.supports_gradient_checkpointing:
        raise UserError(
            f"gradient_checkpointing: transformers has none for {model.config.model_type} models; set it to false, and "
            "encode_rows to fewer texts where memory is short"
        )
    # called otherwise before transformers 5.23; without use_reentrant a frozen embedding may come before a layer
    enable = getattr(model, "activation_checkpointing_enable", None) or model.gradient_checkpointing_enable
    enable({"use_reentrant": False})


def keep_layers(model: PreTrainedModel) -> None:
    """Undo `recompute_layers`."""
    disable = getattr(model, "activation_checkpointing_disable", None) or model.gradient_checkpointing_disable
    disable()
