"""Settings of SPLADE training."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from rescalade.models.lora_settings import LoraSettings
from rescalade.models.splade_config import Activation, Precision
from rescalade.splade.backends import Backend
from rescalade.texts.text_settings import TextSettings
from rescalade.training.schedule import part_of_steps

Loss = Literal["infonce", "infonce-own-negatives", "infonce-gathered", "margin-mse", "kl", "kl-margin-mse"]
"""The names in `objective.loss.RANKING`; written out, since reading a configuration must not wait for torch."""

Regulariser = Literal["flops", "l1"]
"""The names in `objective.loss.REGULARISERS`."""


class TrainSettings(TextSettings):
    """Everything that decides the weights of a run, apart from its backbone, variant and seed."""

    activation: Activation = Field(
        "relu",
        description="Term weight of a logit z. relu: log(1 + max(0, z)), SPLADE's. log1p_relu: log(1 + log(1 + max(0, "
        "z))), sentence-transformers' activation_function of that name (arXiv 2411.04403), which large logits raise "
        "far less. The model's folder says it, and it encodes so.",
    )
    loss: Loss = Field(
        "infonce",
        description="Ranking loss over the logical micro-batch. infonce: softmax over all its documents (the paper, "
        "whose batch is read as that of one GPU). infonce-own-negatives: over all positives and the query's own "
        "negatives. infonce-gathered: over all documents of the optimiser step. margin-mse, kl, kl-margin-mse: "
        "distillation, with teacher scores in the triples.",
    )
    temperature: float = Field(1.0, gt=0, description="Divisor of the scores inside a softmax (tau).")
    margin_mse_weight: float = Field(0.05, ge=0, description="For kl-margin-mse, weight of MarginMSE beside KL.")
    negatives: int = Field(
        1, ge=1, le=64, description="Hard negatives per query in a batch; the recipe's mining must give as many."
    )
    batch_size: int = Field(
        64, ge=2, description="Queries in a logical micro-batch: the rows over which loss and FLOPS are defined."
    )
    accumulation: int = Field(1, ge=1, description="Micro-batches per optimiser step; their gradients are averaged.")
    epochs: float = Field(1.0, gt=0, description="Passes over the triples; ignored where max_steps is set.")
    max_steps: int | None = Field(None, ge=1, description="Optimiser steps, instead of epochs.")
    learning_rate: float = Field(1e-4, gt=0, le=1, description="Peak learning rate of AdamW.")
    decoder_learning_rate: float = Field(
        1.0,
        gt=0,
        le=1e4,
        description="Factor on the learning rate of the output projection W, its bias left as the rest. A W divided by "
        "k moves k times faster in proportion, since an Adam step has a fixed size per weight: 1/k takes that back. "
        "For a W of its own alone, not one that is the input embedding too.",
    )
    train_multiplier: bool = Field(
        False,
        description="Under the mode `multiplier`, train the factor on the logits with the other weights: it begins at "
        "1/k, without weight decay. Saved models carry what it has become, as they carry 1/k.",
    )
    schedule: Literal["linear", "cosine", "constant"] = Field(
        "linear", description="Shape of the learning rate after warm-up; linear and cosine fall to 0."
    )
    warmup_ratio: float = Field(0.1, ge=0, lt=1, description="Share of the steps with rising learning rate.")
    warmup_steps: int | None = Field(None, ge=0, description="Steps with rising learning rate, instead of the ratio.")
    weight_decay: float = Field(0.0, ge=0, le=1, description="Decoupled weight decay, on matrices only.")
    beta1: float = Field(0.9, ge=0, lt=1, description="AdamW's first moment decay.")
    beta2: float = Field(0.999, ge=0, lt=1, description="AdamW's second moment decay.")
    epsilon: float = Field(1e-8, gt=0, description="AdamW's denominator offset.")
    max_gradient_norm: float = Field(1.0, gt=0, description="Gradient clipping by global norm.")
    regulariser_query: Regulariser = Field("flops", description="Regulariser of the queries.")
    regulariser_document: Regulariser = Field(
        "flops", description="Regulariser of the documents, positives and negatives of a micro-batch taken together."
    )
    lambda_query: float = Field(5e-2, ge=0, description="Weight of the queries' regulariser.")
    lambda_document: float = Field(3e-3, ge=0, description="Weight of the documents' regulariser.")
    lambda_follows_k: bool = Field(
        False,
        description="Both lambdas times k^2, k being what the head of the run is divided by: FLOPS is a square of term "
        "weights, which a division makes smaller, so that the lambdas of k = 1 weigh the less the larger k is.",
    )
    ramp: Literal["quadratic", "linear", "none"] = Field("quadratic", description="How both lambdas rise from 0.")
    ramp_ratio: float = Field(1 / 3, ge=0, le=1, description="Share of the steps over which both lambdas rise.")
    ramp_steps: int | None = Field(None, ge=0, description="Steps over which both lambdas rise, instead of the ratio.")
    precision: Precision = Field(
        "fp32", description="bf16: autocast of the encoder; weights, term weights and loss stay fp32."
    )
    score_precision: Precision = Field(
        "fp32", description="bf16: the scores are products of term weights rounded to bf16, rounded to bf16 themselves."
    )
    head_backend: Backend = Field("auto", description="What computes the pooling; auto takes the fastest that applies.")
    encode_rows: int | None = Field(
        None,
        ge=1,
        description="Texts whose activations are held at once (gradient cache): bounds memory, keeps the gradient. "
        "All of a micro-batch where unset.",
    )
    gradient_checkpointing: bool = Field(
        False,
        description="Keep only the inputs of the layers for the backward pass and compute the rest of them again: "
        "bounds memory, keeps the gradient, for one more forward pass.",
    )
    lora: LoraSettings | None = Field(
        None, description="Train low-rank adapters and freeze all weights, the head's too; all weights where unset."
    )
    checkpoint_every: int = Field(50, ge=1, description="Optimiser steps between checkpoints.")
    watch_every: int = Field(
        1, ge=1, description="Optimiser steps between counts of active terms and the like; the last step is counted."
    )
    stop_on_collapse: bool = Field(False, description="Stop, and save the model, once a collapse has lasted.")
    collapse_patience: int = Field(
        100, ge=1, description="Steps that a collapse must last to stop a run; those of the ramp do not count."
    )
    tensorboard: bool = Field(
        False, description="Write the history for TensorBoard as well, under results/logs/tensorboard."
    )

    @model_validator(mode="after")
    def _multiplies(self) -> TrainSettings:
        if self.lora is not None and self.lora.frozen_weights == "bf16" and self.precision != "bf16":
            raise ValueError("lora.frozen_weights: bf16 needs precision: bf16")
        if self.lora is not None and self.decoder_learning_rate != 1:
            raise ValueError(
                f"decoder_learning_rate is {self.decoder_learning_rate:g}, but lora freezes the output projection, "
                "which has no learning rate then; leave one of them out"
            )
        return self

    def at_scale(self, k: float) -> Self:
        """The settings of a run whose head is divided by k: its lambdas are those that it is trained by."""
        if not self.lambda_follows_k:
            return self
        scaled = {name: getattr(self, name) * k**2 for name in ("lambda_query", "lambda_document")}
        return self.model_copy(update={**scaled, "lambda_follows_k": False})

    def warmup_length(self, total: int) -> int:
        """Optimiser steps of rising learning rate, of `total`."""
        return part_of_steps(total, self.warmup_ratio) if self.warmup_steps is None else self.warmup_steps

    def ramp_length(self, total: int) -> int:
        """Optimiser steps over which the lambdas rise, of `total`."""
        return part_of_steps(total, self.ramp_ratio) if self.ramp_steps is None else self.ramp_steps


class RunSettings(TrainSettings):
    """The stage `train`: settings of training together with the seed and the data set that is trained on."""

    seed: int
    train_on: str
