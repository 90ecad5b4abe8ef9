"""What a head will do under SPLADE, before any training: norms, activations, scores, loss at step 0."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from rescalade.heads.locate import locate_head
from rescalade.heads.norms import head_norms
from rescalade.heads.rescale import relative_error, rescale
from rescalade.splade.batch import TokenBatch
from rescalade.splade.model import SpladeModel
from rescalade.training.loss import info_nce
from rescalade.training.measures import activity
from rescalade.variants import Variant

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def audit(
    model: PreTrainedModel, queries: TokenBatch, documents: TokenBatch, variants: Sequence[Variant], temperature: float
) -> dict[str, Any]:
    """Measure a head on a fixed micro-batch under every variant; never trains, leaves the model as it was.

    Args:
        queries: B texts. documents: 2 B texts, positives in the order of the queries, then hard negatives.
        variants: scales, modes and bias choices to try; `untied` is left out where the head is not tied.
        temperature: tau of the loss.

    Returns:
        The norms of `head_norms` and, under `scales`, one row per variant (k, mode, bias): relative error of the logits
        of the rescaled model against z / k, logits' mean, sd and maximum over real tokens of the documents, active
        terms, mean pairwise cosine, scores, and InfoNCE at step 0 (which has no regulariser yet, since
        lambda starts at 0).
    """
    found = {"model_type": model.config.model_type, **head_norms(locate_head(model))}
    reference = _logits(model, documents)
    rows = [
        _at_scale(model, variant, reference, queries, documents, temperature)
        for variant in variants
        if found["tied"] or variant.mode == "tied"
    ]
    return {**found, "scales": rows}


def _at_scale(
    model: PreTrainedModel,
    variant: Variant,
    reference: Tensor,
    queries: TokenBatch,
    documents: TokenBatch,
    temperature: float,
) -> dict[str, Any]:
    changed = copy.deepcopy(model)
    rescale(changed, variant)
    logits = _logits(changed, documents)
    splade = SpladeModel(changed)
    with torch.no_grad():
        query_weights = splade(queries.input_ids, queries.attention_mask, queries.pooled)
        document_weights = splade(documents.input_ids, documents.attention_mask, documents.pooled)
        loss, scores = info_nce(query_weights, document_weights, temperature)
    activities = {**activity(query_weights, "query"), **activity(document_weights, "document")}
    return {
        "k": variant.scale,
        "mode": variant.mode,
        "bias": variant.bias,
        "logit_error": relative_error(logits, reference / variant.scale),
        "logits_mean": float(logits.mean()),
        "logits_sd": float(logits.std()),
        "logits_max": float(logits.max()),
        **{key: activities[key] for key in ("active_query", "active_document", "cosine_document")},
        "score_mean": float(scores.mean()),
        "score_positive": float(scores.diagonal().mean()),
        "step0_loss": float(loss),
    }


def _logits(model: PreTrainedModel, batch: TokenBatch, texts: int = 16) -> Tensor:
    """[T, V] logits of the real tokens of the first texts."""
    with torch.no_grad():
        logits = model(input_ids=batch.input_ids[:texts], attention_mask=batch.attention_mask[:texts]).logits
    kept: Tensor = logits[batch.attention_mask[:texts].bool()]
    return kept
