"""Closed rules for k, from the undivided head and its pooled logits at step 0.

The division commutes with the max over tokens, so the term weights at any k follow from the maximum of the product,
m = max_l h_l . w:  y_k = log(1 + relu((m + b) / k)) with the bias divided too, y_k = log(1 + relu(m / k + b)) with the
bias left as it is (exact where the division does not change the encoder's input). No rule runs the model again. Every
rule's k is rounded to a power of two from 1 to `rules.CAP`, which divides float32 exactly; the rule `root` takes
that of `width` before it is rounded.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from rescalade.audit.rules import by_loss, by_norm, by_spread, by_width, loss_limit, prediction
from rescalade.audited import HeadNorms, Prediction
from rescalade.models.splade_config import Activation
from rescalade.objective.loss import info_nce
from rescalade.variants import ScaleRule, prediction_key

TARGET_ACTIVATION = 0.5
"""Mean term weight over documents and vocabulary; sentence-transformers' issue 3431 reports .73 of one model, and 1.9
and 3.7 of others whose documents are all but the same."""
LARGEST = 2.0**24
POWERS = tuple(2.0**exponent for exponent in range(25))
"""From 1 to LARGEST, by which rules look that take the first within a limit."""


@dataclass(frozen=True)
class Pooled:
    """Pooled products of an undivided head.

    product: [B, V] float32, max over the tokens of a text of h . w, without the bias. bias: [V] or None.
    soft_cap: c of z = c tanh(x / c), or None. activation: of the logits, see SpladeConfig.
    """

    product: Tensor
    bias: Tensor | None
    soft_cap: float | None = None
    activation: Activation = "relu"

    def at_scale(self, k: float, bias: bool) -> Tensor:
        """Term weights [B, V] float64 at scale k, the bias divided too or left as it is."""
        product = self.product.double()
        if self.bias is None:
            logits = product / k
        elif bias:
            logits = (product + self.bias.double()) / k
        else:
            logits = product / k + self.bias.double()
        if self.soft_cap is not None:
            cap = self.soft_cap / k
            logits = cap * torch.tanh(logits / cap)
        weights = torch.log1p(torch.relu(logits))
        return weights if self.activation == "relu" else torch.log1p(weights)


def predict(norms: HeadNorms, queries: Pooled, documents: Pooled, temperature: float = 1.0) -> dict[str, Prediction]:
    """The k of every rule.

    Args:
        norms: of the undivided head.
        queries, documents: B and N texts; the first B documents are the queries' positives.

    Returns:
        By `prediction_key`. Rules on weights stand once, rules on activations for both treatments of the bias.
    """
    found = {"width": by_width(norms.width), "norm": by_norm(norms.row_norm.mean)}
    for bias in (False, True) if queries.bias is not None else (False,):
        words = "" if queries.bias is None else ", bias divided too" if bias else ", bias kept"
        for rule, value in _from_activations(queries, documents, temperature, bias).items():
            found[prediction_key(rule, bias)] = value.model_copy(update={"target": value.target + words})
    return found


def _from_activations(
    queries: Pooled, documents: Pooled, temperature: float, bias: bool
) -> dict[ScaleRule, Prediction]:
    candidates = len(documents.product)
    limit = loss_limit(candidates)

    def activation(k: float) -> float:
        return float(documents.at_scale(k, bias).mean())

    @cache
    def start(k: float) -> tuple[float, float]:
        loss, scores = info_nce(queries.at_scale(k, bias), documents.at_scale(k, bias), temperature)
        return float(loss), float(scores.std()) / temperature

    mean = f"mean term weight {TARGET_ACTIVATION:g} over documents and vocabulary"
    return {
        "activation": prediction(_solve(activation, TARGET_ACTIVATION), mean),
        "score": by_spread(lambda k: start(k)[1], POWERS),
        "loss": by_loss(next((k for k in POWERS if start(k)[0] <= limit), None), candidates),
    }


def _solve(value: Callable[[float], float], target: float) -> float | None:
    """Solve value(k) = target for a falling function, by bisection on log k; 1 where it is met undivided.

    None where even the largest k does not come down to the target: a bias that is kept holds the logits up.
    """
    if not math.isfinite(value(1.0)):
        return None
    if value(1.0) <= target:
        return 1.0
    if value(LARGEST) > target:
        return None
    low, high = 0.0, math.log2(LARGEST)
    for _ in range(30):  # to 1e-8 of log k
        middle = (low + high) / 2
        low, high = (middle, high) if value(2.0**middle) > target else (low, middle)
    return float(2.0**high)
