"""Saves a model so that what comes back from disk is what was saved."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from rescalade.errors import UserError
from rescalade.models.load import load_lm
from rescalade.models.lora import adapted_layers, merge_adapters
from rescalade.rescaling.divide import relative_error
from rescalade.rescaling.multiplier import bake

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

MERGED, CARRIED = 1e-4, 1e-2
"""Relative errors that merging adapters may cause: of a layer's output, from the same input, by sums of float32 in
another order; and of the logits, where layer after layer carries that on. Some texts carry it far: in a SmolLM2 with
adapters, logits of eight special tokens were 3e-4 apart in float32 and float64, those of a sentence 1e-6."""
BAKED = 1e-5
"""Relative error of the logits that moving a division at run time into the weights may cause; 0 at powers of two."""


def save_verified(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path, *, spent: bool = False
) -> None:
    """Write model and tokenizer, load the model again and compare its logits bit for bit.

    A division at run time is baked into the weights first, and the model stays so.

    Args:
        spent: see `check_saved`.

    Raises:
        UserError: the loaded model differs; then nothing must be trained from it.
    """
    asked = _logits(model)
    bake(model)
    before = _logits(model)
    if relative_error(before, asked) > BAKED:
        raise UserError(
            f"model {folder.name}: moving the multiplier into the weights changes its logits by "
            f"{relative_error(before, asked):.2g}, more than {BAKED:g}. Use another rescale mode"
        )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    check_saved(model, folder, spent=spent)


def merge_verified(model: PreTrainedModel) -> None:
    """Make adapters part of the weights and compare what each layer gives, and the logits.

    Nothing happens to a model without adapters; what is not finite is not compared.

    Raises:
        UserError: the merged model differs from the other by more than MERGED in a layer, or by more than CARRIED.
    """
    if not adapted_layers(model):
        return
    model.float()  # bfloat16 weights as they are, so that both sides are computed alike
    asked, seen = _watched(model)
    merge_adapters(model)
    with torch.no_grad():
        errors = [(relative_error(model.get_submodule(name)(*given), out), name) for name, (given, out) in seen.items()]
    of_layer, worst = max((found for found in errors if math.isfinite(found[0])), default=(0.0, ""))
    logits = relative_error(_logits(model), asked)
    for what, error, most in ((f"what {worst} gives", of_layer, MERGED), ("the logits", logits, CARRIED)):
        if error > most:
            raise UserError(
                f"adapters: merged into the weights they change {what} by {error:.2g}, more than {most:g}; leave out "
                "the layers of lora.targets that this model computes otherwise than as linear ones"
            )


def _watched(model: PreTrainedModel) -> tuple[Tensor, dict[str, tuple[tuple[Tensor, ...], Tensor]]]:
    """The logits, and what each adapted layer was given for them and gave, by its name; the last time where often.

    Raises:
        UserError: the model makes its logits without calling one.
    """
    seen: dict[str, tuple[tuple[Tensor, ...], Tensor]] = {}
    layers = adapted_layers(model)

    def watch(name: str) -> Callable[..., None]:
        def hook(_: Any, given: tuple[Tensor, ...], found: Tensor) -> None:
            seen[name] = (given, found)

        return hook

    handles = [layer.register_forward_hook(watch(name)) for name, layer in layers.items()]
    try:
        logits = _logits(model)
    finally:
        for handle in handles:
            handle.remove()
    if unused := [name for name in layers if name not in seen]:
        raise UserError(
            f"adapters: the model does not call its layer {unused[0]}, so the adapter there has no effect until it is "
            "merged; leave it out of lora.targets"
        )
    return logits, seen


def check_saved(model: PreTrainedModel, folder: Path, *, spent: bool = False) -> None:
    """Load a saved model again and compare its logits bit for bit; those that are not finite may differ.

    Args:
        spent: whether nobody needs the model's weights any more; they are given up before it is loaded again, so that
            its memory is taken once. Shapes and names stay.

    Raises:
        UserError: they differ.
    """
    before = _logits(model)
    if spent:
        model.to("meta")  # type: ignore[arg-type]  # transformers wraps `to` loosely
    again = load_lm(folder)
    again.tie_weights()  # what a later from_pretrained may do once more
    after = _logits(again)
    if not torch.equal(before.nan_to_num(), after.nan_to_num()):
        difference = float((before - after).abs().max())
        raise UserError(
            f"model in {folder}: logits after loading differ by up to {difference:.3g} from those before saving; "
            "this transformers version does not keep this head's weights apart. Use another rescale mode"
        )


def _logits(model: PreTrainedModel) -> Tensor:
    ids = torch.arange(min(8, model.config.vocab_size), device=model.device).unsqueeze(0)
    with torch.no_grad():
        found: Tensor = model(input_ids=ids).logits
    return found
