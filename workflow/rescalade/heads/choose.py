"""Closed rules for k, from the undivided head and its term weights at step 0.

With the bias divided too, the term weights at scale k follow from those at 1:  y_k = log(1 + (e^y - 1) / k), since
the division commutes with max and ReLU. So a rule is solved on the pooled weights without running the model again.
Every rule's k is rounded to a power of two of at least 1, which divides float32 exactly.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from rescalade.training.loss import info_nce
from rescalade.variants import ScaleRule

REFERENCE_NORM = 1.401
"""Mean row norm of BERT-base, which trains undivided (arXiv 2606.18811, Table 1)."""
TARGET_ACTIVATION = 0.5
"""Mean term weight over documents and vocabulary; .73 is reported of a head that trained, 1.9 and 3.7 of heads that
collapsed (sentence-transformers, issue 3431)."""
TARGET_SCORE = 128.0
"""Mean score up to which neighbouring bfloat16 numbers lie less than 1 apart, the unit of InfoNCE at tau = 1."""
TARGET_LOSS = 2.0
"""InfoNCE in units of ln(candidates), the loss of a model that tells nothing apart."""
LARGEST = 2.0**24


def predict(
    norms: Mapping[str, Any], queries: Tensor, documents: Tensor, temperature: float = 1.0
) -> dict[str, dict[str, Any]]:
    """K by every rule.

    Args:
        norms: of the undivided head, as from `head_norms`.
        queries, documents: [B, V] and [N, V] float32 term weights of the undivided model; the first B documents are
            the queries' positives.

    Returns:
        Per rule: k as computed (None where no k reaches the target), power (the power of two that is used), target
        in words, note.
    """
    documents, queries = documents.double(), queries.double()
    candidates = len(documents)

    def activation(k: float) -> float:
        return float(at_scale(documents, k).mean())

    def score(k: float) -> float:
        return float((at_scale(queries, k) @ at_scale(documents, k).t()).mean())

    def loss(k: float) -> float:
        return float(info_nce(at_scale(queries, k), at_scale(documents, k), temperature)[0])

    limit = TARGET_LOSS * math.log(candidates)
    width, norm = float(norms["width"]), float(norms["row_norm"]["mean"])
    return {
        "width": _rule(width**0.25, f"k = D^(1/4) with width D = {width:g} (arXiv 2502.15526)"),
        "norm": _rule(norm / REFERENCE_NORM, f"mean row norm {REFERENCE_NORM}, that of BERT-base"),
        "activation": _rule(
            _solve(activation, TARGET_ACTIVATION),
            f"mean term weight {TARGET_ACTIVATION:g} over documents and vocabulary",
        ),
        "score": _rule(_solve(score, TARGET_SCORE), f"mean score {TARGET_SCORE:g}"),
        "loss": _rule(_first_power(loss, limit), f"step-0 loss at most {TARGET_LOSS:g} ln({candidates}) = {limit:.3g}"),
    }


def at_scale(weights: Tensor, k: float) -> Tensor:
    """Term weights at scale k from those at 1, the bias divided too."""
    return torch.log1p(torch.expm1(weights) / k)


def power_of_two(k: float) -> int:
    """The nearest power of two on a log scale, at least 1."""
    return int(2 ** max(0, round(math.log2(k))))


def predicted_scale(audit: Mapping[str, Any], rule: ScaleRule) -> float:
    """The k that a rule takes from an audit."""
    return float(audit["predicted"][rule]["power"])


def _rule(k: float | None, target: str) -> dict[str, Any]:
    if k is None or not math.isfinite(k):
        return {"k": None, "power": 1, "target": target, "note": "no k reaches the target: the head gives no scores"}
    note = "met without a division" if k <= 1 else ""
    return {"k": k, "power": power_of_two(k), "target": target, "note": note}


def _solve(value: Callable[[float], float], target: float) -> float | None:
    """K with value(k) = target for a falling function, by bisection on log k; 1 where it is met undivided."""
    if not math.isfinite(value(1.0)):
        return None
    if value(1.0) <= target:
        return 1.0
    low, high = 0.0, math.log2(LARGEST)
    for _ in range(30):  # to 1e-8 of log k
        middle = (low + high) / 2
        low, high = (middle, high) if value(2.0**middle) > target else (low, middle)
    return float(2.0**high)


def _first_power(value: Callable[[float], float], limit: float) -> float | None:
    """The smallest power of two at which the value is within a limit."""
    return next((2.0**e for e in range(int(math.log2(LARGEST)) + 1) if value(2.0**e) <= limit), None)
