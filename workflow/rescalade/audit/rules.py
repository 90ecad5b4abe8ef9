"""The arithmetic of rules for k that needs no model: targets, rounding and the cap."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

from rescalade.audited import Prediction

REFERENCE_NORM = 1.401
"""Mean row norm of BERT-base, which trains undivided (arXiv 2606.18811, Table 1)."""
TARGET_LOSS = 2.0
"""InfoNCE in units of ln(candidates), the loss of a model that tells nothing apart. Calibrated on 2x128 models, of
which those that began below 3 of these units trained; the paper's best cells began at 79 to 381 (docs/heads.md)."""
START_SD = (0.0121, 37.8)
"""Standard deviation of the scores over all pairs of a batch, over the temperature: the window that is wrong on fewest
of the runs of experiment `why`, 2x128 models all. It is no border for every model: nine of the ten cells of arXiv
2606.18811 with a known starting loss trained from losses that no run inside the window had (docs/heads.md)."""
Start = Literal["inside", "too large", "too small", "not finite"]
"""On which side of the window a head starts."""
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


def by_spread(spread: Callable[[float], float], powers: Sequence[float]) -> Prediction:
    """The rule `score`: the first power of two at which the scores spread as those of runs that trained.

    Args:
        spread: standard deviation of the scores over the temperature, at a k. powers: of two, ascending.
    """
    low, high = START_SD
    target = (
        f"standard deviation of the scores over the temperature within {low:g} to {high:g} (fitted on 2x128 models)"
    )
    inside = next((k for k in powers if start_of(spread(k)) == "inside"), None)
    if inside is not None:
        return prediction(inside, target)
    first = next((k for k in powers if spread(k) <= high), None)
    found = prediction(None, target)
    if first is None:
        return found.model_copy(update={"note": f"no k comes down to {high:g}"})
    note = f"k = {first:g} is the first below {high:g}, with {spread(first):.3g} left: too few active terms"
    return found.model_copy(update={"note": note})


def start_of(spread: float) -> Start:
    """Where the standard deviation of the scores over the temperature lies."""
    if not math.isfinite(spread):
        return "not finite"
    low, high = START_SD
    return "too small" if spread < low else "too large" if spread > high else "inside"


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
