"""The language model of transformers inside a model of another library."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rescalade.errors import UserError

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@contextmanager
def language_model(model: Any) -> Iterator[PreTrainedModel]:
    """The language model in a SparseEncoder, with its own decoder meanwhile; a model of transformers as it is.

    Raises:
        UserError: there is none.
    """
    if not is_encoder(model):
        yield model
        return
    found = model.transformers_model
    if found is None:
        raise UserError("the model has no language model of transformers in it, and so no head")
    from rescalade.splade.fused_encoder import FusedSparseEncoder, as_stock

    if isinstance(model, FusedSparseEncoder):
        with as_stock(model):
            yield found
    else:
        yield found


def is_encoder(model: Any) -> bool:
    """Whether it is a model of sentence-transformers, told without importing that."""
    return hasattr(model, "transformers_model")
