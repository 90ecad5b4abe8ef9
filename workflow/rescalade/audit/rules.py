"""The arithmetic of rules for k that needs no model: targets, rounding and the cap."""

from __future__ import annotations

import math

from rescalade.audited import Prediction

REFERENCE_NORM = 1.401
"""Mean row norm of BERT-base, which trains undivided (arXiv 2606.18811, Table 1)."""
TARGET_LOSS = 2.0
"""InfoNCE in units of ln(candidates), the loss of a model that tells nothing apart. Calibrated on 2x128 models, of
which those that began below 3 of these units trained; the paper's best cells began at 79 to 381 (docs/heads.md)."""
CAP = 16
"""The largest k that arXiv 2606.18811 trained. What a rule asks for beyond it, nobody has tried."""


def by_width(width: float) -> Prediction:
    """The fourth root of the width."""
    return prediction(width**0.25, f"k = D^(1/4) with width D = {width:g} (arXiv 2502.15526)")


def by_norm(row_norm: float) -> Prediction:
    """The mean row norm comes down to that of BERT-base."""
    return prediction(row_norm / REFERENCE_NORM, f"mean row norm {REFERENCE_NORM}, that of BERT-base")


def loss_limit(candidates: int) -> float:
    """The loss that the rule `loss` comes down to."""
    return TARGET_LOSS * math.log(candidates)


def by_loss(k: float | None, candidates: int) -> Prediction:
    """The rule `loss` at the first power of two within its limit, None where there is none."""
    limit = f"{TARGET_LOSS:g} ln({candidates}) = {loss_limit(candidates):.3g}"
    return prediction(k, f"step-0 loss at most {limit} (calibrated on 2x128 models)")


def prediction(k: float | None, target: str) -> Prediction:
    """A rule's k with the power of two that is used for it, which is at most CAP."""
    if k is None or not math.isfinite(k):
        return Prediction(k=None, power=1, target=target, note="no k reaches the target")
    power, note = power_of_two(k), "met without a division" if k <= 1 else ""
    if power > CAP:
        note = f"asks for {power}; capped at {CAP}, the largest k of arXiv 2606.18811: none above it was ever trained"
    return Prediction(k=k, power=min(power, CAP), target=target, note=note)


def power_of_two(k: float) -> int:
    """The nearest power of two on a log scale, at least 1."""
    return int(2 ** max(0, round(math.log2(k))))
