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
    positive = tl.where(logit > 0.0, logit, 0.0)
    raised = 1.0 + positive
    # below rounding log(1 + x) = x, and infinity over infinity is no number
    plain = (raised == 1.0) | (raised == float("inf"))
    corrected = tl.log(raised) * (positive / tl.where(plain, 1.0, raised - 1.0))
    return tl.where(logit != logit, logit, tl.where(plain, positive, corrected))


@triton.jit
def logit_gradient(weights: tl.tensor, upstream: tl.tensor) -> tl.tensor:
    """dLoss/dlogit of the winner: dLoss/dy exp(-y) where the term is active, else 0."""
    return tl.where(weights > 0.0, upstream * tl.exp(-weights), 0.0)
