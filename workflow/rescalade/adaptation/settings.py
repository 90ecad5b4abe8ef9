"""Settings of the adaptation phase."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from rescalade.models.lora_settings import LoraSettings
from rescalade.models.splade_config import Precision
from rescalade.strict import Strict


class AdaptSettings(Strict):
    """Further training of a causal backbone by its next token, before its head is divided and it learns to retrieve.

    Loss: that of the next token plus `sparse_weight` times the same with log(1 + relu(z)) in place of the logits z.
    Text: the passages of the training data, an end-of-text token after each, cut into sequences of equal length.
    """

    steps: int = Field(1000, ge=1, description="Optimiser steps.")
    batch_size: int = Field(8, ge=1, description="Sequences whose activations are held at once.")
    accumulation: int = Field(1, ge=1, description="Such batches per optimiser step; their gradients are averaged.")
    length: int = Field(512, ge=8, le=131072, description="Tokens of a sequence; passages in it see one another.")
    sparse_weight: float = Field(1.0, ge=0, description="Weight lambda of the second term; 0 leaves it out.")
    learning_rate: float = Field(5e-5, gt=0, le=1, description="Peak learning rate of AdamW.")
    schedule: Literal["linear", "cosine", "constant"] = Field(
        "cosine", description="Shape of the learning rate after warm-up; linear and cosine fall to 0."
    )
    warmup_steps: int = Field(0, ge=0, description="Steps with rising learning rate.")
    weight_decay: float = Field(0.0, ge=0, le=1, description="Decoupled weight decay, on matrices only.")
    max_gradient_norm: float = Field(1.0, gt=0, description="Gradient clipping by global norm.")
    precision: Precision = Field("fp32", description="bf16: autocast of the model; the loss stays fp32.")
    lora: LoraSettings | None = Field(
        default_factory=LoraSettings,
        description="Train low-rank adapters, merged in the end, and freeze all weights; null trains all weights.",
    )
    gradient_checkpointing: bool = Field(
        False,
        description="Keep only the inputs of the layers for the backward pass and compute the rest of them again.",
    )
    checkpoint_every: int = Field(50, ge=1, description="Optimiser steps between checkpoints.")
    seed: int = Field(0, ge=0, description="Seed of the passages' order, of adapters and of dropout.")

    @model_validator(mode="after")
    def _fits(self) -> AdaptSettings:
        if self.warmup_steps >= self.steps:
            raise ValueError(f"warmup_steps {self.warmup_steps} must be less than steps {self.steps}")
        if self.lora is not None and self.lora.frozen_weights == "bf16" and self.precision != "bf16":
            raise ValueError("lora.frozen_weights: bf16 needs precision: bf16")
        return self


class AdaptationSettings(AdaptSettings):
    """The stage `adapt`: together with the data set whose passages are read."""

    train_on: str
