"""Divisions of heads of models that are loaded: transformers' or SparseEncoders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rescalade.errors import UserError
from rescalade.rescaling import divide
from rescalade.splade.language_model import is_encoder, language_model
from rescalade.variants import Mode

if TYPE_CHECKING:
    from sentence_transformers import SparseEncoder
    from transformers import PreTrainedModel


def rescale(model: PreTrainedModel | SparseEncoder, k: float, *, mode: Mode = "tied", bias: bool = False) -> None:
    """Divide the head of a loaded model by k, in place.

    Args:
        model: a masked or causal language model of a known head family, or a SparseEncoder over one.
        k: scale, finite and above 0; powers of two are exact.
        mode: tied (the paper's way), untied, folded or multiplier; see `rescalade.rescaling.divide`. A SparseEncoder
            cannot have `multiplier`, which its files could not hold.
        bias: whether the bias is divided too (the paper does not say).

    Raises:
        UserError: it is not loaded, this head cannot be divided that way, or the bias is to be divided and there is
            none. The model is then unchanged.
    """
    if isinstance(model, str | Path):
        raise UserError(
            f"model {model}: a loaded model is expected; `rescalade rescale NAME --k K --out FOLDER` and "
            "rescalade.library.make_rescaled divide a folder or hub id"
        )
    if mode == "multiplier" and is_encoder(model):
        raise UserError("mode 'multiplier': a folder of sentence-transformers cannot hold it; use folded")
    with language_model(model) as found:
        divide.rescale(found, k, mode=mode, bias=bias)
    if k != 1 and is_encoder(model):
        from rescalade.splade.fused_encoder import mark_divided

        mark_divided(model)
