"""Rescaling: divide the output of a masked-LM head by k before training, in one of four ways.

    z = h Wᵀ + b,   wanted: z / k   (arXiv 2606.18811, section 3, which leaves the bias as it is)

`tied` divides the shared matrix in place and keeps the tie, so the input embeddings shrink too: the paper's way. It
equals dividing the logits only where the embedding feeds straight into a norm (ModernBERT); on BERT shapes it also
changes what the encoder sees. `untied` gives the decoder a copy of its own first. `folded` divides the norm before
the decoder and leaves W alone. `multiplier` divides the logits at run time (`rescalade.rescaling.multiplier`). With the
bias divided too, the last three give exactly z / k: bit for bit in float32 where k is a power of two, to 1e-6 for
gemma's (1 + weight) norms. They are one function at step 0 and differ under Adam, whose steps have a fixed size per
weight.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from rescalade.errors import UserError
from rescalade.models.locate import Head, locate_head
from rescalade.models.projection import SharedProjection
from rescalade.rescaling.multiplier import Multiplier, attach, bake, divide_weights
from rescalade.variants import Mode, Variant

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def rescale(model: PreTrainedModel, k: float, *, mode: Mode = "tied", bias: bool = False) -> None:
    """Divide the head of a loaded model by k, in place.

    Args:
        model: a masked or causal language model of a known head family.
        k: scale, finite and above 0; powers of two are exact.
        mode: tied (the paper's way), untied, folded or multiplier; see the top of this module.
        bias: whether the bias is divided too (the paper does not say).

    Raises:
        UserError: see `apply`.
    """
    apply(model, Variant(k, mode, bias))


def apply(model: PreTrainedModel, variant: Variant) -> None:
    """Divide the head of `model` in place, as a variant says.

    Raises:
        UserError: this head cannot be divided that way, the bias is to be divided and there is none, or k was never
            chosen. The model is then unchanged.
    """
    if variant.unchosen:
        raise UserError(f"variant {variant.name}: its k comes from an audit and has not been chosen yet")
    refusal = refused(locate_head(model), variant)
    if refusal is not None:
        raise UserError(f"variant {variant.name}: {refusal}")
    bake(model)  # a multiplier from before becomes part of the weights, so that divisions add up
    head = locate_head(model)
    if variant.mode == "untied":
        untie(model)
        head = locate_head(model)
    if variant.mode == "multiplier":
        attach(head, Multiplier(variant.scale, variant.bias))
    else:
        divide_weights(head, variant.scale, variant.bias, by_norm=variant.mode == "folded")
    if head.soft_cap is not None:  # c tanh(x / c) / k is the same function with x and c divided
        model.config.final_logit_softcapping = head.soft_cap / variant.scale


def refused(head: Head, variant: Variant) -> str | None:
    """Why a head cannot have a variant, with the remedy; None where it can."""
    if variant.bias and head.bias is None:
        return "this head has no bias to divide; leave out `bias`"
    if variant.mode == "folded" and head.norm is None:
        return f"a {head.model_type} head has no norm with a weight before its decoder to fold k into; use `untied`"
    if variant.mode == "untied" and isinstance(head.projection, SharedProjection):
        return (
            f"the head of this {head.model_type} checkpoint (legacy: false) multiplies by the embedding itself and "
            "cannot have a matrix of its own; use `folded`"
        )
    if variant.mode == "multiplier" and head.norm is None and head.tied:
        return f"a tied {head.model_type} head has no norm to bake the division into when it is saved; use `untied`"
    return None


def untie(model: PreTrainedModel) -> None:
    """Give the decoder weight and bias of its own, in a form that survives saving and loading.

    With `tie_word_embeddings` off transformers drops every tie, also the one between `decoder.bias` and
    the head's second name for it; a parameter left shared would be saved under one name and come back at
    random under the other. So each tied name gets a copy.
    """
    dead: list[nn.Parameter] = []
    for name, source in dict(model.all_tied_weights_keys).items():
        path, _, leaf = name.rpartition(".")
        holder = model.get_submodule(path)
        shared: nn.Parameter = getattr(holder, leaf)
        setattr(holder, leaf, nn.Parameter(shared.detach().clone()))
        if source.endswith("bias"):
            dead.append(shared)  # nothing reads the second name of the bias any more; DDP would wait for its gradient
    for parameter in dead:
        parameter.requires_grad_(False)
    model.config.tie_word_embeddings = False
    model.all_tied_weights_keys = {}


def relative_error(found: Tensor, expected: Tensor) -> float:
    """|found - expected| / |expected| over all elements (Frobenius); 0 where both are all zero."""
    scale = float(expected.norm())
    difference = float((found - expected).norm())
    return difference / scale if scale else difference
