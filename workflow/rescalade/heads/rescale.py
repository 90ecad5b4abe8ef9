"""The paper's operation: divide the output projection by k before training.

    W <- W / k        (arXiv 2606.18811, section 3; only the final projection, bias left as it is)

`tied` divides the shared matrix in place and keeps the tie, so the input embeddings shrink too: the
paper's way. It equals dividing the logits only where the embedding feeds straight into a norm
(ModernBERT); on BERT shapes it also changes what the encoder sees. `untied` gives the decoder a copy of
its own first; then the encoder is untouched and, with the bias divided too, logits are exactly z / k.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from rescalade.errors import UserError
from rescalade.heads.locate import locate_head
from rescalade.variants import Variant

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def rescale(model: PreTrainedModel, variant: Variant) -> None:
    """Divide the head of `model` in place.

    Raises:
        UserError: the bias is to be divided and there is none, or the head cannot be found.
    """
    head = locate_head(model)
    if variant.bias and head.bias is None:
        raise UserError(f"variant {variant.name}: this head has no bias to divide; leave out `bias`")
    if variant.mode == "untied" and head.tied:
        _untie(model)
        head = locate_head(model)
    with torch.no_grad():
        head.weight.div_(variant.scale)
        if variant.bias and head.bias is not None:
            head.bias.div_(variant.scale)


def _untie(model: PreTrainedModel) -> None:
    """Give the decoder weight and bias of its own, in a form that survives saving and loading.

    With `tie_word_embeddings` off transformers drops every tie, also the one between `decoder.bias` and
    the head's second name for it; a bias left shared would be saved under one name and come back at
    random under the other.
    """
    decoder = locate_head(model).decoder
    shared = decoder.bias
    decoder.weight = nn.Parameter(decoder.weight.detach().clone())
    if shared is not None:
        decoder.bias = nn.Parameter(shared.detach().clone())
        for parameter in model.parameters():
            if parameter is shared:
                parameter.requires_grad_(False)  # the second name is dead now; DDP would wait for its gradient
    model.config.tie_word_embeddings = False
    model.all_tied_weights_keys = {}


def relative_error(found: torch.Tensor, expected: torch.Tensor) -> float:
    """|found - expected| / |expected| over all elements (Frobenius)."""
    return float((found - expected).norm() / expected.norm())
