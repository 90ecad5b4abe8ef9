"""What each rescale mode does to the logits of a head: exact, off by so much, or refused."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from rescalade.audited import ModeFound
from rescalade.models.locate import locate_head
from rescalade.rescaling.divide import apply, refused, relative_error
from rescalade.texts.token_batch import TokenBatch
from rescalade.variants import MODES, Variant

if TYPE_CHECKING:
    from transformers import PreTrainedModel

SCALE = 16.0
"""k at which modes are compared."""
EXACT = 1e-6
"""Relative error up to which a mode counts as exact; powers of two give 0, gemma's (1 + weight) norms 3e-7."""


def measure_modes(model: PreTrainedModel, batch: TokenBatch) -> tuple[ModeFound, ...]:
    """Every mode at k = 16 with the bias divided, on the real tokens of a few texts; the model stays as it was."""
    head = locate_head(model)
    reference = sample_logits(model, batch)
    rows: list[ModeFound] = []
    for mode in MODES:
        variant = Variant(SCALE, mode, bias=head.bias is not None)
        reason = refused(head, variant)
        if reason is not None:
            rows.append(ModeFound(mode=mode, status="refused", logit_error=None, note=reason))
            continue
        changed = copy.deepcopy(model)
        apply(changed, variant)
        error = relative_error(sample_logits(changed, batch), reference / SCALE)
        note = ""
        if mode == "folded" and head.family.final_norm:
            note = "the norm is the encoder's last layer: last_hidden_state is divided too"
        if mode == "tied" and error > EXACT:
            note = "the shared matrix is the input embedding: what the encoder sees changes too"
        rows.append(ModeFound(mode=mode, status="exact" if error <= EXACT else "error", logit_error=error, note=note))
    return tuple(rows)


def divided(model: PreTrainedModel, logits: Tensor, variant: Variant) -> Tensor:
    """What a variant's logits should be: z / k, or (z - b) / k + b where the bias is kept."""
    head = locate_head(model)
    if variant.bias or head.bias is None or head.soft_cap is not None:
        return logits / variant.scale
    bias = head.bias.detach()
    return (logits - bias) / variant.scale + bias


def sample_logits(model: PreTrainedModel, batch: TokenBatch, texts: int = 8) -> Tensor:
    """[T, V] logits of the real tokens of the first texts."""
    with torch.no_grad():
        logits = model(input_ids=batch.input_ids[:texts], attention_mask=batch.attention_mask[:texts]).logits
    kept: Tensor = logits[batch.attention_mask[:texts].bool()]
    return kept
