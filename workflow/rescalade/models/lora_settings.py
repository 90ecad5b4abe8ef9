"""Settings of low-rank adapters."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from rescalade.strict import Strict

PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""The linear layers of a block of Llama, Qwen and Gemma, attention first."""


class LoraSettings(Strict):
    """Adapters in the linear layers of a model, which are trained in place of its weights."""

    rank: int = Field(16, ge=1, le=1024, description="Rank r of the change B A of a matrix.")
    alpha: float | None = Field(
        None, gt=0, description="The change is alpha / r times B A; alpha is twice the rank where unset."
    )
    dropout: float = Field(0.1, ge=0, lt=1, description="Dropout of what an adapter reads.")
    targets: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        PROJECTIONS,
        min_length=1,
        description="Linear layers that get an adapter, by the last parts of their names; the head never gets one. "
        "The default is the seven projections of Llama and its kin; of BERT: query, key, value, dense.",
    )
    frozen_weights: Literal["fp32", "bf16"] = Field(
        "fp32",
        description="bf16: the frozen matrices are held in bf16, half the memory; adapters, norms and biases stay "
        "fp32. Needs precision: bf16.",
    )

    @property
    def scale(self) -> float:
        """Factor alpha / r on B A."""
        return (2 * self.rank if self.alpha is None else self.alpha) / self.rank
