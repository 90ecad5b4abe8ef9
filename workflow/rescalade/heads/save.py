"""Saves a model so that what comes back from disk is what was saved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from rescalade.backbones.load import load_masked_lm
from rescalade.errors import UserError

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def save_verified(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Write model and tokenizer, load the model again and compare its logits bit for bit.

    Raises:
        UserError: the loaded model differs; then nothing must be trained from it.
    """
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    again = load_masked_lm(folder)
    again.tie_weights()  # what a later from_pretrained may do once more
    probe = torch.arange(min(8, model.config.vocab_size)).unsqueeze(0)
    with torch.no_grad():
        before = model(input_ids=probe).logits
        after = again(input_ids=probe).logits
    if not torch.equal(before, after):
        difference = float((before - after).abs().max())
        raise UserError(
            f"model in {folder}: logits after loading differ by up to {difference:.3g} from those before saving; "
            "this transformers version does not keep this head's weights apart. Use another rescale mode"
        )
