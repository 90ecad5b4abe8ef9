"""What a head will do under SPLADE, before any training: norms, activations, scores, loss and gradient at step 0."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from rescalade.audit.choose import Pooled, predict
from rescalade.audit.warned import warnings_of
from rescalade.audited import Audit, AuditedText, HeadNorms, Measured, Tried, TriedOffset, predicted_scale
from rescalade.models.locate import Head, locate_head
from rescalade.models.norms import head_norms
from rescalade.models.splade_config import Activation
from rescalade.objective.loss import info_nce
from rescalade.objective.measures import activity
from rescalade.progress import Progress
from rescalade.rescaling.divide import apply, refused, relative_error
from rescalade.rescaling.modes import divided, measure_modes, sample_logits
from rescalade.rescaling.offset import lower, measure_pooled
from rescalade.splade.model import SpladeModel
from rescalade.texts.token_batch import TokenBatch
from rescalade.variants import Mode, Variant

if TYPE_CHECKING:
    from transformers import PreTrainedModel

SCALES = (1.0, 2.0, 4.0, 8.0, 16.0)
"""The paper's grid of k."""
COPIES = 3
"""Of the weights, held at once: the model, the one that a variant is applied to, and the gradients of that one."""


def audit(
    model: PreTrainedModel,
    queries: TokenBatch,
    documents: TokenBatch,
    variants: Sequence[Variant] = (),
    temperature: float = 1.0,
    progress: Progress | None = None,
    *,
    backbone: str = "",
    text: str = "",
    inflate: float | None = None,
    activation: Activation = "relu",
    offsets: Sequence[float] = (),
    offset_texts: Iterable[TokenBatch] = (),
) -> Audit:
    """Measure a head on a fixed micro-batch under every variant; never trains, leaves the model as it was.

    Args:
        queries: B texts. documents: 2 B texts, positives in the order of the queries, then hard negatives.
        variants: what to try beside `standard_variants`; what the head cannot have is left out, and an unchosen k is
            taken from the prediction.
        temperature: tau of the loss, which has no regulariser yet, since lambda starts at 0.
        backbone, text, inflate: what the audit says of its origin.
        activation: by which term weights are made of logits, see SpladeConfig; the pooling is the maximum.
        offsets: values of c to try on the undivided head. offset_texts: what they are measured on.

    Raises:
        UserError: fewer than two of these texts have a token; the model has logits that are not finite.
    """
    head = locate_head(model)
    norms = head_norms(head)
    predicted = predict(norms, _pooled(model, queries, activation), _pooled(model, documents, activation), temperature)
    asked = [v.chosen(predicted_scale(predicted, v)) if v.unchosen else v for v in variants]
    tried = sorted(
        {v for v in [*standard_variants(head), *asked] if refused(head, v) is None},
        key=lambda v: (v.mode, v.bias, v.scale, v.name),
    )
    reference = sample_logits(model, documents)
    rows: list[Tried] = []
    for number, variant in enumerate(tried, 1):
        rows.append(_row(model, variant, reference, queries, documents, temperature, norms, activation))
        if progress is not None:
            progress(number, len(tried), {"k": variant.scale})
    offset_rows, counted = _offset_rows(model, queries, documents, temperature, activation, offsets, offset_texts)
    return Audit(
        **dict(norms),
        backbone=backbone,
        model_type=model.config.model_type,
        inflate=inflate,
        text=AuditedText(name=text, queries=len(queries.input_ids), documents=len(documents.input_ids)),
        modes=measure_modes(model, documents),
        scales=tuple(rows),
        offsets=offset_rows,
        offset_texts=counted,
        predicted=predicted,
    )


def standard_variants(head: Head) -> list[Variant]:
    """The paper's scales tied, with the bias left, and in a way that divides the logits exactly."""
    exact: Mode = "folded" if head.norm is not None else "untied"
    bias = head.bias is not None
    return [*map(Variant, SCALES), *(Variant(scale, exact, bias) for scale in SCALES[1:])]


def _row(
    model: PreTrainedModel,
    variant: Variant,
    reference: Tensor,
    queries: TokenBatch,
    documents: TokenBatch,
    temperature: float,
    norms: HeadNorms,
    activation: Activation,
) -> Tried:
    changed = copy.deepcopy(model)
    apply(changed, variant)
    logits = sample_logits(changed, documents)
    pooled = pooled_logits(changed, documents)
    query_weights, document_weights = _weights(SpladeModel(changed, activation=activation), queries, documents)
    loss, scores = info_nce(query_weights, document_weights, temperature)
    loss.backward()
    gradients = [parameter.grad.norm() for parameter in changed.parameters() if parameter.grad is not None]
    scores = scores.detach()
    weights = document_weights.detach()
    activities = {**activity(query_weights.detach(), "query"), **activity(weights, "document")}
    row = Measured(
        k=variant.scale,
        mode=variant.mode,
        bias=variant.bias,
        rule=variant.rule,
        logit_error=relative_error(logits, divided(model, reference, variant)),
        logits_mean=float(logits.mean()),
        logits_sd=float(logits.std()),
        logits_max=float(logits.max()),
        active_query=activities["active_query"],
        active_document=activities["active_document"],
        cosine_document=activities["cosine_document"],
        activation_mean=float(weights.mean()),
        score_mean=float(scores.mean()),
        score_sd=float(scores.std()),
        score_positive=float(scores.diagonal().mean()),
        bf16_step=bf16_step(float(scores.mean())),
        step0_loss=float(loss.detach()),
        gradient_norm=float(torch.stack(gradients).norm()) if gradients else 0.0,
        **pooled,
    )
    return Tried(**dict(row), warnings=warnings_of(row, norms, temperature))


def _offset_rows(
    model: PreTrainedModel,
    queries: TokenBatch,
    documents: TokenBatch,
    temperature: float,
    activation: Activation,
    offsets: Sequence[float],
    texts: Iterable[TokenBatch],
) -> tuple[tuple[TriedOffset, ...], int]:
    """The head without and with each offset, and the number of texts; nothing where no c is asked for."""
    if not offsets:
        return (), 0
    found = measure_pooled(model, texts)
    rows = []
    for c in (None, *offsets):
        changed = copy.deepcopy(model)
        if c is not None:
            lower(changed, found, c)
        with torch.no_grad():
            of_queries, of_documents = _weights(SpladeModel(changed, activation=activation), queries, documents)
            loss, scores = info_nce(of_queries, of_documents, temperature)
        activities = {**activity(of_queries, "query"), **activity(of_documents, "document")}
        own = scores.diagonal()
        others = scores.clone()
        others.diagonal().fill_(-math.inf)
        rows.append(
            TriedOffset(
                c=c,
                active_query=activities["active_query"],
                active_document=activities["active_document"],
                cosine_document=activities["cosine_document"],
                score_mean=float(scores.mean()),
                score_sd=float(scores.std()),
                step0_loss=float(loss),
                accuracy=float((own > others.amax(1)).float().mean()),
            )
        )
    return tuple(rows), found.texts


def pooled_logits(model: PreTrainedModel, documents: TokenBatch) -> dict[str, float]:
    """Where the maxima over tokens stand and how large they are, by the model's own logits; see `Measured`.

    A document without a pooled token has no maximum and is left out; with none at all every number is NaN. The logits
    [L, V] of one document are held at a time.
    """
    rows: list[Tensor] = []
    first = last = 0
    with torch.no_grad():
        for ids, mask, pooled in zip(documents.input_ids, documents.attention_mask, documents.pooled, strict=True):
            kept = int(mask.sum())
            logits = model(input_ids=ids[None, :kept], attention_mask=mask[None, :kept]).logits[0, pooled[:kept]]
            if len(logits):
                highest = logits.amax(0)
                rows.append(highest.float())
                # of equal ones the first counts, as in the pooling; `argmax` would take 50 times as long
                first += int((logits[0] == highest).sum())
                before = logits[:-1].amax(0) if len(logits) > 1 else torch.full_like(highest, -math.inf)
                last += int((logits[-1] > before).sum())
    if not rows:
        return dict.fromkeys(("first_token", "last_token", "pooled_positive", "offset_mean", "offset_sd"), math.nan)
    found = torch.stack(rows)
    offsets = found.double().mean(0)
    return {
        "first_token": first / found.numel(),
        "last_token": last / found.numel(),
        "pooled_positive": float((found > 0).double().mean()),
        "offset_mean": float(offsets.mean()),
        "offset_sd": float(offsets.std()),
    }


def bf16_step(value: float) -> float:
    """Distance between neighbouring bfloat16 numbers at a value: 2^(e - 7) with 2^e <= |value| (8-bit significand)."""
    if not math.isfinite(value) or value == 0:
        return 0.0 if value == 0 else math.inf
    return float(2.0 ** (math.frexp(abs(value))[1] - 1 - 7))


def _pooled(model: PreTrainedModel, texts: TokenBatch, activation: Activation) -> Pooled:
    """The undivided head's pooled products, text by text so that no more than one text's logits are held."""
    splade = SpladeModel(copy.deepcopy(model))
    head = splade.head
    rows = []
    with torch.no_grad():
        weight = head.weight.t()
        for ids, mask, pooled in zip(texts.input_ids, texts.attention_mask, texts.pooled, strict=True):
            kept = int(mask.sum())
            hidden = splade.decoder_inputs(ids[None, :kept], mask[None, :kept])[0, pooled[:kept]]
            empty = weight.new_full((weight.shape[1],), -math.inf)
            rows.append((hidden.float() @ weight).amax(0) if len(hidden) else empty)
    bias = None if head.bias is None else head.bias.detach()
    return Pooled(torch.stack(rows), bias, head.soft_cap, activation)


def _weights(splade: SpladeModel, queries: TokenBatch, documents: TokenBatch) -> tuple[Tensor, Tensor]:
    """Term weights [B, V] and [2 B, V]."""
    return (
        splade(queries.input_ids, queries.attention_mask, queries.pooled),
        splade(documents.input_ids, documents.attention_mask, documents.pooled),
    )
