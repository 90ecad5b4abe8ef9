"""Audits in the form of the stage, with invented values."""

from __future__ import annotations

from typing import Any

from rescalade.variants import ScaleRule

VOCABULARY = 8192
AUDITED = 32
"""Queries of the invented audits; as many positives and hard negatives: 64 candidates."""
PREDICTED: dict[ScaleRule, tuple[float | None, int | None]] = {
    "width": (3.3636, 4),
    "norm": (15.2, 16),
    "activation": (1.1, 1),
    "score": (None, None),
    "loss": (29.4, 32),
}
"""k as computed and the power of two that is used, for every backbone alike; `score` finds none."""


def invented_audit(name: str, family: str, norm: float) -> dict[str, Any]:
    """An audit in the form of the stage: every key, and null where a value may be missing."""
    return {
        "backbone": name, "model_type": family, "tied": True, "vocabulary": VOCABULARY, "width": 128,
        "row_norm": {"mean": norm, "max": norm * 1.6, "sd": norm / 9}, "frobenius": norm * 90,
        "anisotropy": 0.12, "bias_norm": None if family == "bert" else 12.5, "inflate": None,
        "norm": "LayerNorm" if family == "bert" else "RMSNorm", "soft_cap": 30.0 if family == "gemma2" else None,
        "text": {"name": "pydoc", "queries": AUDITED, "documents": 2 * AUDITED},
        "modes": [
            {"mode": "tied", "status": "error" if family == "bert" else "exact",
             "logit_error": 0.22 if family == "bert" else 0.0, "note": "the encoder reads the divided matrix too"},
            {"mode": "untied", "status": "exact", "logit_error": 0.0, "note": ""},
            {"mode": "folded", "status": "refused", "logit_error": None, "note": "no norm before the decoder"},
            {"mode": "multiplier", "status": "exact", "logit_error": 0.0, "note": ""},
        ],
        "scales": [
            invented_scale(scale, mode, norm, family)
            for mode in ("tied", "untied", "multiplier")
            for scale in (1.0, 2.0, 4.0, 8.0, 16.0)
        ],
        "predicted": {
            rule: {"k": k, "power": power, "target": f"invented target of {rule}",
                   "note": "" if k is not None else "no k reaches the target"}
            for rule, (k, power) in PREDICTED.items()
        },
    }  # fmt: skip


def invented_scale(scale: float, mode: str, norm: float, family: str) -> dict[str, Any]:
    """One entry of an audit; the encoder of `bert` suffers from tied division, so it differs from the others."""
    harmed = mode == "tied" and family == "bert" and scale != 1
    loss = 31.0 * norm / scale * (1.3 if harmed else 1.0)
    reasons = [f"invented reason at loss {loss:g}"] if loss > 10 else []
    return {
        "k": scale, "mode": mode, "bias": False, "logit_error": 0.22 if harmed else 0.0,
        "logits_mean": -1.0 / scale, "logits_sd": norm / scale, "logits_max": 9 * norm / scale,
        "active_query": 900.0, "active_document": 3000.0 / scale, "cosine_document": 0.8,
        "activation_mean": 0.5 / scale, "score_mean": 300.0 / scale, "score_sd": 40.0 / scale,
        "score_positive": 310.0 / scale, "bf16_step": 2.0 / scale, "step0_loss": loss, "gradient_norm": 70.0 / scale,
        "risk": {"level": "high" if loss > 100 else "raised" if loss > 10 else "low", "reasons": reasons},
    }  # fmt: skip
