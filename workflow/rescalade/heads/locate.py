"""Where a masked-language-model head keeps its output projection, bias and tie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor, nn

from rescalade.errors import UserError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

SUPPORTED = ("bert", "distilbert", "roberta", "xlm-roberta", "camembert", "albert", "modernbert", "mpnet", "electra")
"""Model types whose decoder is one Linear layer that `get_output_embeddings` returns."""


@dataclass(frozen=True)
class Head:
    """The output projection of one model, by reference.

    decoder: the Linear layer [V, D] that turns transformed hidden states into logits.
    tied: whether its weight is the input embedding.
    """

    decoder: nn.Linear
    tied: bool

    @property
    def weight(self) -> Tensor:
        """[V, D] output projection W; row j is the vector of vocabulary item j."""
        return self.decoder.weight

    @property
    def bias(self) -> Tensor | None:
        """[V] or None."""
        return self.decoder.bias


def locate_head(model: PreTrainedModel) -> Head:
    """Find the head of a masked language model.

    Raises:
        UserError: the model type is not in SUPPORTED, or the model has no output projection.
    """
    kind = str(model.config.model_type)
    if kind not in SUPPORTED:
        raise UserError(
            f"model type {kind!r}: its masked-LM head is not known here. Known: {', '.join(SUPPORTED)}. "
            "Use a backbone of one of these types."
        )
    decoder = model.get_output_embeddings()
    if not isinstance(decoder, nn.Linear):
        raise UserError(
            f"model type {kind!r}: expected a Linear output projection, found {type(decoder).__name__}. "
            "Load the checkpoint as a masked language model (AutoModelForMaskedLM)."
        )
    embedding = model.get_input_embeddings()
    tied = isinstance(embedding, nn.Embedding) and decoder.weight is embedding.weight
    return Head(decoder=decoder, tied=tied)
