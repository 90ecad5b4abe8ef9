"""What decides the loss at step 0."""

from __future__ import annotations

from rescalade.models.splade_config import Activation, Precision
from rescalade.splade.backends import Backend
from rescalade.texts.text_settings import TextSettings
from rescalade.training.settings import Loss, TrainSettings

MICRO_BATCHES = 64
"""Micro-batches that are measured, or all of an epoch where these are fewer."""


class Step0Settings(TextSettings):
    """The stage `step0`: those settings of training that decide a loss before any step, with seed and data set."""

    activation: Activation
    loss: Loss
    temperature: float
    margin_mse_weight: float
    negatives: int
    batch_size: int
    accumulation: int
    precision: Precision
    score_precision: Precision
    head_backend: Backend
    encode_rows: int | None
    seed: int
    train_on: str

    def training(self) -> TrainSettings:
        """The same as settings of training, with as many steps as are measured."""
        steps = -(-MICRO_BATCHES // self.accumulation)
        return TrainSettings(**self.model_dump(exclude={"seed", "train_on"}), max_steps=steps)
