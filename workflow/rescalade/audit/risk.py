"""The risk of collapse in words, each with the rule that names it.

The thresholds are rules of thumb. The loss: of the starting losses in Fig. 4 of arXiv 2606.18811 (128 candidates),
21,600 (ModernBERT, k = 1) and 4,150 (Ettin, k = 1) stand above the worst results of Table 2, 600 and 381 (k = 16)
above the best; 500 ln 128 = 2,426 lies between. In the `mini` experiment losses of 3,300 and more saturate, losses
from 2 to 8 ln 64 lost one run of four, and below that none did.
"""

from __future__ import annotations

import math
from typing import get_args

from rescalade.audited import LARGE_NORM, HeadNorms, Measured, Risk, RiskLevel
from rescalade.objective.collapse import DEAD_TERMS, DEGENERATE_COSINE

HIGH_LOSS, RAISED_LOSS = 500.0, 2.0
"""InfoNCE at step 0 in units of ln(candidates), the loss of a model that tells nothing apart."""
TIED_ERROR = 0.1
"""Relative error of the logits from which a tied division counts as a change of the encoder."""
LEVELS: tuple[RiskLevel, ...] = get_args(RiskLevel)
Found = list[tuple[RiskLevel, str]]


def judge_risk(row: Measured, norms: HeadNorms, candidates: int) -> Risk:
    """Risk of one variant.

    Args:
        norms: of the head before division. candidates: documents in the softmax.
    """
    found = [*_loss(row, candidates), *_texts(row), *_scores(row), *_weights(row, norms)]
    level = max((LEVELS.index(level) for level, _ in found), default=0)
    reasons = [reason for _, reason in found]
    return Risk(level=LEVELS[level], reasons=tuple(reasons) or ("no rule of this audit sees a risk",))


def _loss(row: Measured, candidates: int) -> Found:
    unit = math.log(candidates)
    loss = row.step0_loss
    if not (math.isfinite(loss) and math.isfinite(row.gradient_norm)):
        return [("high", f"loss {loss:g} or its gradient is not finite at step 0")]
    times = loss / unit
    if times <= RAISED_LOSS:
        return []
    level: RiskLevel = "high" if times > HIGH_LOSS else "raised"
    limit = HIGH_LOSS if level == "high" else RAISED_LOSS
    return [
        (
            level,
            f"InfoNCE at step 0 is {loss:,.4g}, {_short(times)} times ln({candidates}) "
            f"({level}: above {limit:g} times)",
        )
    ]


def _texts(row: Measured) -> Found:
    found: Found = []
    if row.active_document < DEAD_TERMS:
        found.append(("high", f"{row.active_document:.2f} active terms per document (dead: below {DEAD_TERMS:g})"))
    if row.cosine_document > DEGENERATE_COSINE:
        found.append(
            ("raised", f"mean cosine between documents is {row.cosine_document:.3f} (above {DEGENERATE_COSINE})")
        )
    return found


def _scores(row: Measured) -> Found:
    if row.bf16_step <= max(1.0, row.score_sd / 4):
        return []
    return [
        (
            "raised",
            f"bfloat16 scores near {row.score_mean:,.4g} lie {row.bf16_step:g} apart, their standard deviation "
            f"is {row.score_sd:,.3g} (above a quarter of it, and above 1): keep scores in float32",
        )
    ]


def _weights(row: Measured, norms: HeadNorms) -> Found:
    found: Found = []
    norm = norms.row_norm.mean / row.k
    if norm > LARGE_NORM:
        found.append(("raised", f"mean row norm after division is {norm:.3g} (large: above {LARGE_NORM:g})"))
    if row.mode == "tied" and row.logit_error > TIED_ERROR:
        found.append(
            (
                "raised",
                f"logits are {row.logit_error:.0%} off a pure division (above {TIED_ERROR:.0%}): the shared matrix "
                "is the input embedding, so the encoder sees other inputs; untied and folded do not do that",
            )
        )
    return found


def _short(value: float) -> str:
    """Three digits, without an exponent."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
