"""The three forms that an output projection takes in transformers' heads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn


class Projection(Protocol):
    """The step from decoder inputs h [*, D] to logits z = h Wᵀ + b [*, V]."""

    @property
    def module(self) -> nn.Module:
        """The module whose call ends in the logits."""
        ...

    @property
    def weight(self) -> Tensor:
        """[V, D] output projection W, differentiable in its parts."""
        ...

    @property
    def bias(self) -> nn.Parameter | None:
        """[V] or None."""
        ...

    @property
    def parts(self) -> tuple[Tensor, ...]:
        """Parameters that make up W; dividing each divides W."""
        ...

    def bypass(self) -> None:
        """Make the module end in its decoder inputs h instead of the logits, until `restore`."""
        ...


def restore(projection: Projection) -> None:
    """Undo `bypass`."""
    vars(projection.module).pop("forward", None)


@dataclass(frozen=True)
class LinearProjection:
    """One Linear layer: nearly every head."""

    module: nn.Linear

    @property
    def weight(self) -> Tensor:
        """[V, D]."""
        return self.module.weight

    @property
    def bias(self) -> nn.Parameter | None:
        """[V] or None."""
        return self.module.bias

    @property
    def parts(self) -> tuple[Tensor, ...]:
        """The layer's weight."""
        return (self.module.weight,)

    def bypass(self) -> None:
        """The layer hands its input through."""
        self.module.forward = _identity  # type: ignore[assignment, method-assign]


@dataclass(frozen=True)
class SplitProjection:
    """MobileBERT: W is the narrow embedding beside a matrix of its own, [V, E] and [D - E, V]."""

    module: Any

    @property
    def weight(self) -> Tensor:
        """[V, D], put together at each call."""
        return torch.cat([self.module.decoder.weight, self.module.dense.weight.t()], dim=1)

    @property
    def bias(self) -> nn.Parameter | None:
        """[V]."""
        bias: nn.Parameter = self.module.decoder.bias
        return bias

    @property
    def parts(self) -> tuple[Tensor, ...]:
        """The tied matrix and the other one."""
        return (self.module.decoder.weight, self.module.dense.weight)

    def bypass(self) -> None:
        """Stop after the head's own transform."""
        self.module.forward = self.module.transform.forward


@dataclass(frozen=True)
class SharedProjection:
    """DeBERTa-v3's own head (`legacy: false`): the product with the embedding is written out, no layer holds W.

    `get_output_embeddings()` returns the head's dense layer there; dividing that does nothing, a norm follows it.
    """

    module: Any
    embedding: nn.Embedding

    @property
    def weight(self) -> Tensor:
        """[V, D], the embedding itself."""
        return self.embedding.weight

    @property
    def bias(self) -> nn.Parameter | None:
        """[V]."""
        bias: nn.Parameter = self.module.bias
        return bias

    @property
    def parts(self) -> tuple[Tensor, ...]:
        """The embedding's weight."""
        return (self.embedding.weight,)

    def bypass(self) -> None:
        """Call the head's modules in its order and leave the product out."""
        head = self.module

        def transform(hidden: Tensor, word_embeddings: nn.Embedding) -> Tensor:
            result: Tensor = head.LayerNorm(head.transform_act_fn(head.dense(hidden)))
            return result

        head.forward = transform


def _identity(hidden: Tensor) -> Tensor:
    return hidden
