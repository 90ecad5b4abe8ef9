"""The three forms that an output projection takes in transformers' heads."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Projection:
    """The step from decoder inputs h [*, D] to logits z = h Wᵀ + b [*, V]. Here one Linear layer: nearly every head.

    module: the one whose call ends in the logits.
    """

    module: Any

    @property
    def weight(self) -> Tensor:
        """[V, D] output projection W, differentiable in its parts."""
        (weight,) = self.parts
        return weight

    @property
    def bias(self) -> nn.Parameter | None:
        """[V] or None."""
        bias: nn.Parameter | None = self.module.bias
        return bias

    @property
    def parts(self) -> tuple[Tensor, ...]:
        """Parameters that make up W; dividing each divides W."""
        return (self.module.weight,)

    def add_bias(self) -> nn.Parameter:
        """Give a layer without a bias one of zeros [V]."""
        self.module.bias = bias = nn.Parameter(self.weight.new_zeros(len(self.weight)))
        return bias

    def bypass(self) -> None:
        """Make the module end in its decoder inputs h instead of the logits, until `restore`."""
        self.module.forward = _identity

    def restore(self) -> None:
        """Undo `bypass`."""
        vars(self.module).pop("forward", None)


class SplitProjection(Projection):
    """MobileBERT: W is the narrow embedding beside a matrix of its own, [V, E] and [D - E, V]."""

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
class SharedProjection(Projection):
    """DeBERTa-v3's own head (`legacy: false`): the product with the embedding is written out, no layer holds W.

    `get_output_embeddings()` returns the head's dense layer there; dividing that does nothing, a norm follows it.
    """

    embedding: nn.Embedding

    @property
    def parts(self) -> tuple[Tensor, ...]:
        """The embedding's weight."""
        return (self.embedding.weight,)

    def bypass(self) -> None:
        """Call the head's modules in its order and leave the product out."""
        self.module.forward = partial(_transform, self.module)  # which a deep copy of the model copies along


def _transform(head: Any, hidden: Tensor, word_embeddings: nn.Embedding) -> Tensor:
    result: Tensor = head.LayerNorm(head.transform_act_fn(head.dense(hidden)))
    return result


def _identity(hidden: Tensor) -> Tensor:
    return hidden
