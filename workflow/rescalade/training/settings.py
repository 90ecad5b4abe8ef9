"""Settings of SPLADE training."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class TrainSettings(BaseModel):
    """Everything that decides the weights of a run, apart from its backbone, variant and seed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    loss: Literal["infonce"] = Field("infonce", description="Ranking loss over the logical micro-batch.")
    temperature: float = Field(1.0, gt=0, description="Divisor of the scores inside the softmax (tau).")
    batch_size: int = Field(
        64, ge=2, description="Queries in a logical micro-batch: the rows over which loss and FLOPS are defined."
    )
    accumulation: int = Field(1, ge=1, description="Micro-batches per optimiser step; their gradients are averaged.")
    epochs: float = Field(1.0, gt=0, description="Passes over the triples; ignored where max_steps is set.")
    max_steps: int | None = Field(None, ge=1, description="Optimiser steps, instead of epochs.")
    learning_rate: float = Field(1e-4, gt=0, le=1, description="Peak learning rate of AdamW.")
    schedule: Literal["linear"] = Field("linear", description="Shape of the learning rate after warm-up.")
    warmup_ratio: float = Field(0.1, ge=0, lt=1, description="Share of the steps with rising learning rate.")
    weight_decay: float = Field(0.0, ge=0, le=1, description="Decoupled weight decay, on matrices only.")
    beta1: float = Field(0.9, ge=0, lt=1, description="AdamW's first moment decay.")
    beta2: float = Field(0.999, ge=0, lt=1, description="AdamW's second moment decay.")
    epsilon: float = Field(1e-8, gt=0, description="AdamW's denominator offset.")
    max_gradient_norm: float = Field(1.0, gt=0, description="Gradient clipping by global norm.")
    lambda_query: float = Field(5e-2, ge=0, description="Weight of FLOPS over the queries of a micro-batch.")
    lambda_document: float = Field(
        3e-3, ge=0, description="Weight of FLOPS over positives and negatives of a micro-batch, taken together."
    )
    ramp_ratio: float = Field(
        1 / 3, ge=0, le=1, description="Share of the steps over which both lambdas rise quadratically."
    )
    query_length: int = Field(256, ge=4, le=8192, description="Longest query in tokens, special tokens included.")
    document_length: int = Field(256, ge=4, le=8192, description="Longest document in tokens, special tokens included.")
    pool_special_tokens: bool = Field(
        True, description="Whether [CLS], [SEP] and their like take part in the max (sentence-transformers: yes)."
    )
    precision: Literal["fp32", "bf16"] = Field(
        "fp32", description="bf16: autocast of the encoder; weights, scores and loss stay fp32."
    )
    checkpoint_every: int = Field(50, ge=1, description="Optimiser steps between checkpoints.")
