"""What an audit found: a head before any training, under every variant that was tried."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from rescalade.errors import UserError
from rescalade.stored import Stored
from rescalade.strict import Strict
from rescalade.variants import Mode, ScaleRule, Variant, prediction_key

Scale = Annotated[float, Field(gt=0, allow_inf_nan=False)]
LARGE_NORM = 2.0
"""Mean row norm above which arXiv 2606.18811 (Table 1) calls a head large."""
FLAT_LOSS, FLAT_SCORES = 0.02, 0.1
"""A head is flat where its loss is this near to that of guessing, ln(candidates), relatively, or where the standard
deviation of its scores is below this: it tells nothing apart, and its gradient is next to nothing."""


class RowNorm(Strict):
    """L2 norm of the rows of W, over the vocabulary."""

    mean: float
    max: float
    sd: float


class HeadNorms(Strict):
    """Norms of an output projection W [V, D], without running the model.

    row_norm: its mean is the paper's measure (small, or large above LARGE_NORM). frobenius: norm
    of W. anisotropy: mean cosine over pairs of distinct rows. bias_norm: L2 norm of the bias, None without one.
    vocabulary, width: V and D. tied: whether W is the token embedding too. norm: class of the norm before the decoder,
    or None. soft_cap: c of z = c tanh(x / c), or None.
    """

    row_norm: RowNorm
    frobenius: float
    anisotropy: float
    bias_norm: float | None
    vocabulary: int
    width: int
    tied: bool
    norm: str | None
    soft_cap: float | None


class AuditedText(Strict):
    """The micro-batch: B queries, and their B positives and B hard negatives."""

    name: str
    queries: int
    documents: int


class ModeFound(Strict):
    """What a mode does to the logits at k = 16, the bias divided.

    logit_error: relative error against z / 16, None where the head refuses the mode. note: why, or what else changes.
    """

    mode: Mode
    status: Literal["exact", "error", "refused"]
    logit_error: float | None
    note: str


class Measured(Strict):
    """A variant of the head on the micro-batch; numbers that overflow are infinite or NaN.

    logit_error: relative error of the logits against z / k. logits_*: over real tokens of the documents. active_*:
    terms with a weight above 0. cosine_document: mean over pairs. activation_mean: term weight over documents and
    vocabulary. bf16_step: distance of neighbouring bfloat16 numbers at the mean score. step0_loss: InfoNCE without
    regulariser. gradient_norm: of that loss, over all trainable weights.

    Of the pooled logits, the maximum of z over the pooled tokens of a document, for every document and term:
    first_token, last_token: share whose maximum stands at the first or last pooled token, which is a special token
    where the tokenizer adds one there and these are pooled (the first of equal ones counts). pooled_positive: share
    above 0. offset_mean, offset_sd: over the vocabulary, of the offset of a term, which is the mean of its pooled
    logits over the documents.
    """

    k: Scale
    mode: Mode
    bias: bool
    rule: ScaleRule | None
    logit_error: float
    logits_mean: float
    logits_sd: float
    logits_max: float
    active_query: float
    active_document: float
    cosine_document: float
    activation_mean: float
    score_mean: float
    score_sd: float
    score_positive: float
    bf16_step: float
    step0_loss: float
    gradient_norm: float
    first_token: float
    last_token: float
    pooled_positive: float
    offset_mean: float
    offset_sd: float


class Tried(Measured):
    """A variant of the head on the micro-batch. warnings: a sentence for each rule that applies, with its threshold."""

    warnings: tuple[str, ...]


def is_flat(step0_loss: float, candidates: int, score_sd: float) -> bool:
    """Whether a head tells nothing apart; score_sd is NaN where it is not known."""
    guessing = math.log(candidates)
    return abs(step0_loss - guessing) <= FLAT_LOSS * guessing or score_sd < FLAT_SCORES


class TriedOffset(Strict):
    """The head with an offset of each term, undivided, on the micro-batch; see `rescalade.rescaling.offset`.

    c: standard deviations above the mean that were taken off each term's logit, measured on other texts; None for the
    head as it is. active_*: terms with a weight above 0. cosine_document: mean over pairs. score_mean, score_sd: over
    all pairs. step0_loss: InfoNCE without regulariser. accuracy: share of queries whose positive scores above every
    other document.
    """

    c: float | None
    active_query: float
    active_document: float
    cosine_document: float
    score_mean: float
    score_sd: float
    step0_loss: float
    accuracy: float


class Prediction(Strict):
    """The k of a rule.

    k: as computed, None where none reaches the target. power: the power of two that is used, at least 1.
    """

    k: float | None
    power: int
    target: str
    note: str


class Audit(Stored, HeadNorms):
    """`audit/RECIPE/BACKBONE.json`.

    inflate: factor that was put on W after pretraining, 1 for none; None outside the pipeline. scales: one entry for
    every variant that was tried. offsets: the same for offsets of each term, empty where none was tried; offset_texts:
    on how many texts these were measured. predicted: by `prediction_key`.
    """

    schema_version: int = 3
    backbone: str
    model_type: str
    inflate: float | None
    text: AuditedText
    modes: tuple[ModeFound, ...]
    scales: tuple[Tried, ...]
    offsets: tuple[TriedOffset, ...]
    offset_texts: int
    predicted: Mapping[str, Prediction]


def predicted_scale(predicted: Mapping[str, Prediction], variant: Variant) -> float:
    """The k that a variant's rule takes from the `predicted` of an audit.

    Raises:
        UserError: the variant has no rule, or the audit does not know it.
    """
    if variant.rule is None:
        raise UserError(f"variant {variant.name}: its k is given, no rule chooses it")
    # a head without a bias has one entry for both
    found = predicted.get(prediction_key(variant.rule, variant.bias)) or predicted.get(variant.rule)
    if found is None:
        raise UserError(f"variant {variant.name}: the audit has no k by the rule {variant.rule}; audit again")
    return float(found.k if variant.rule == "root" and found.k is not None else found.power)
