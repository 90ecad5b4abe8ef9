"""Audits in the form of the stage, with invented values."""

from __future__ import annotations

from typing import Any

from rescalade.audited import Audit, AuditedText, HeadNorms, ModeFound, Prediction, RowNorm, Tried
from rescalade.variants import Mode, ScaleRule

VOCABULARY = 8192
AUDITED = 32
"""Queries of the invented audits; as many positives and hard negatives: 64 candidates."""
PREDICTED: dict[ScaleRule, tuple[float | None, int]] = {
    "width": (3.3636, 4),
    "norm": (15.2, 16),
    "activation": (1.1, 1),
    "score": (None, 1),
    "loss": (29.4, 32),
}
"""k as computed and the power of two that is used, for every backbone alike; `score` finds none."""
MODES: tuple[Mode, ...] = ("tied", "untied", "multiplier")


def invented_norms(mean: float, **changes: Any) -> HeadNorms:
    """Of a head whose rows have this mean norm."""
    norms = HeadNorms(
        row_norm=RowNorm(mean=mean, max=mean * 1.6, sd=mean / 9), frobenius=mean * 90, anisotropy=0.12, bias_norm=None,
        vocabulary=VOCABULARY, width=128, tied=True, norm="LayerNorm", soft_cap=None,
    )  # fmt: skip
    return norms.model_copy(update=changes)


def invented_audit(name: str, family: str, norm: float, **changes: Any) -> Audit:
    """An audit as the stage leaves it, with other values for some of its keys."""
    bert = family == "bert"
    head = invented_norms(
        norm,
        bias_norm=None if bert else 12.5,
        norm="LayerNorm" if bert else "RMSNorm",
        soft_cap=30.0 if family == "gemma2" else None,
    )
    audit = Audit(
        **dict(head), backbone=name, model_type=family, inflate=None,
        text=AuditedText(name="pydoc", queries=AUDITED, documents=2 * AUDITED),
        modes=(
            ModeFound(mode="tied", status="error" if bert else "exact", logit_error=0.22 if bert else 0.0,
                      note="the encoder reads the divided matrix too"),
            ModeFound(mode="untied", status="exact", logit_error=0.0, note=""),
            ModeFound(mode="folded", status="refused", logit_error=None, note="no norm before the decoder"),
            ModeFound(mode="multiplier", status="exact", logit_error=0.0, note=""),
        ),
        scales=tuple(
            invented_scale(scale, mode, norm, family) for mode in MODES for scale in (1.0, 2.0, 4.0, 8.0, 16.0)
        ),
        offsets=(),
        offset_texts=0,
        predicted={
            rule: Prediction(k=k, power=power, target=f"invented target of {rule}",
                             note="" if k is not None else "no k reaches the target")
            for rule, (k, power) in PREDICTED.items()
        },
    )  # fmt: skip
    return audit.model_copy(update=changes)


def invented_scale(scale: float, mode: Mode, norm: float, family: str) -> Tried:
    """One entry of an audit; the encoder of `bert` suffers from tied division, so it differs from the others."""
    harmed = mode == "tied" and family == "bert" and scale != 1
    loss = 31.0 * norm / scale * (1.3 if harmed else 1.0)
    warnings = (f"invented warning at loss {loss:g}",) if loss > 10 else ()
    return Tried(
        k=scale, mode=mode, bias=False, rule=None, logit_error=0.22 if harmed else 0.0,
        logits_mean=-1.0 / scale, logits_sd=norm / scale, logits_max=9 * norm / scale,
        active_query=900.0, active_document=3000.0 / scale, cosine_document=0.8,
        activation_mean=0.5 / scale, score_mean=300.0 / scale, score_sd=40.0 / scale,
        score_positive=310.0 / scale, bf16_step=2.0 / scale, step0_loss=loss, gradient_norm=70.0 / scale,
        first_token=0.2, last_token=0.1, pooled_positive=0.36 / scale, offset_mean=-1.5, offset_sd=0.75,
        warnings=warnings,
    )  # fmt: skip
