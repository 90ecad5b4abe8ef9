"""Saves a model so that what comes back from disk is what was saved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from rescalade.errors import UserError
from rescalade.models.load import load_lm
from rescalade.rescaling.divide import relative_error
from rescalade.rescaling.multiplier import bake

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

BAKED = 1e-5
"""Relative error of the logits that moving a division at run time into the weights may cause; 0 at powers of two."""


def save_verified(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Write model and tokenizer, load the model again and compare its logits bit for bit.

    A division at run time is baked into the weights first, and the model stays so.

    Raises:
        UserError: the loaded model differs; then nothing must be trained from it.
    """
    probe = torch.arange(min(8, model.config.vocab_size)).unsqueeze(0)
    asked = _logits(model, probe)
    bake(model)
    before = _logits(model, probe)
    if relative_error(before, asked) > BAKED:
        raise UserError(
            f"model {folder.name}: moving the multiplier into the weights changes its logits by "
            f"{relative_error(before, asked):.2g}, more than {BAKED:g}. Use another rescale mode"
        )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    again = load_lm(folder)
    again.tie_weights()  # what a later from_pretrained may do once more
    after = _logits(again, probe)
    if not torch.equal(before, after):
        difference = float((before - after).abs().max())
        raise UserError(
            f"model in {folder}: logits after loading differ by up to {difference:.3g} from those before saving; "
            "this transformers version does not keep this head's weights apart. Use another rescale mode"
        )


def _logits(model: PreTrainedModel, ids: Tensor) -> Tensor:
    with torch.no_grad():
        found: Tensor = model(input_ids=ids).logits
    return found
