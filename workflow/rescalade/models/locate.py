"""Finds the head of a loaded model: output projection, bias, tie, and the norm before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor, nn

from rescalade.errors import UserError
from rescalade.models.families import FAMILIES, Family
from rescalade.models.projection import Projection, SharedProjection, SplitProjection

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True)
class Head:
    """The head of one model, by reference: nothing is copied.

    projection: where W and the bias are. norm: the module whose output is projected; None where it has no weight to
    divide. tied: whether W is the input embedding. soft_cap: c of z = c tanh(x / c), None for plain logits.
    """

    model_type: str
    family: Family
    projection: Projection
    norm: nn.Module | None
    tied: bool
    soft_cap: float | None

    @property
    def weight(self) -> Tensor:
        """[V, D] output projection W; row j is the vector of vocabulary item j."""
        return self.projection.weight

    @property
    def bias(self) -> nn.Parameter | None:
        """[V] or None."""
        return self.projection.bias


def family_of(model_type: str) -> Family:
    """The family of a model type.

    Raises:
        UserError: it is not in FAMILIES.
    """
    if model_type not in FAMILIES:
        raise UserError(
            f"model type {model_type!r}: its masked-LM head is not known here. Known: {', '.join(sorted(FAMILIES))}. "
            "Use a backbone of one of these types"
        )
    return FAMILIES[model_type]


def locate_head(model: PreTrainedModel) -> Head:
    """Find the head of a masked or causal language model.

    Raises:
        UserError: the model type is unknown, or the model was loaded without its head.
    """
    model_type = str(model.config.model_type)
    family = family_of(model_type)
    embedding = model.get_input_embeddings()
    projection = _projection(model, family, embedding)
    tied = isinstance(embedding, nn.Embedding) and any(part is embedding.weight for part in projection.parts)
    return Head(
        model_type=model_type,
        family=family,
        projection=projection,
        norm=_norm(model, family, projection),
        tied=tied,
        soft_cap=getattr(model.config, "final_logit_softcapping", None),
    )


def _projection(model: PreTrainedModel, family: Family, embedding: nn.Module) -> Projection:
    modules = dict(model.named_modules())
    if family.shared in modules and isinstance(embedding, nn.Embedding):
        return SharedProjection(modules[family.shared], embedding)
    decoder = modules.get(family.decoder)
    if not isinstance(decoder, nn.Linear):
        kind = "causal" if family.causal else "masked"
        raise UserError(
            f"model type {model.config.model_type!r}: expected a Linear output projection at {family.decoder}, found "
            f"{type(decoder).__name__} in {type(model).__name__}. Load the checkpoint as a {kind} language model"
        )
    above = modules[family.decoder.rpartition(".")[0]]
    return SplitProjection(above) if family.projection == "split" else Projection(decoder)


def _norm(model: PreTrainedModel, family: Family, projection: Projection) -> nn.Module | None:
    if isinstance(projection, SharedProjection):
        norm: nn.Module = projection.module.LayerNorm
        return norm
    return None if family.norm is None else model.get_submodule(family.norm)
