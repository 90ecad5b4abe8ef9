"""Functions that both directions of the Triton back end share."""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def activation(logit: tl.tensor) -> tl.tensor:
    """log(1 + relu(x)) in float32; a NaN stays one.

    log(1 + x) alone is 0 for 0 < x < 6e-8 and would lose active terms; with u = 1 + x rounded, log(u) x / (u - 1)
    is right to a few units in the last place (Kahan; Goldberg, What Every Computer Scientist Should Know About
    Floating-Point Arithmetic, theorem 4).
    """
    raised = 1.0 + logit
    small = raised == 1.0
    corrected = tl.log(raised) * (logit / tl.where(small, 1.0, raised - 1.0))
    positive = tl.where(small | (raised == float("inf")), logit, corrected)
    return tl.where(logit > 0.0, positive, tl.where(logit != logit, logit, 0.0))


@triton.jit
def logit_gradient(weights: tl.tensor, upstream: tl.tensor, sums_upstream: tl.tensor) -> tl.tensor:
    """dLoss/dlogit of the winner: (dLoss/dy + dLoss/dsum) exp(-y) where the term is active, else 0."""
    return tl.where(weights > 0.0, (upstream + sums_upstream) * tl.exp(-weights), 0.0)
