"""Search on a CPU with fast bfloat16 units: through the screen where it pays, exactly elsewhere."""

from __future__ import annotations

from torch import Tensor

from rescalade.splade.backends import compiled, screen

SPARSE = 0.10
"""Share of active pairs up to which the screen is tried: computing that share again in float32 costs about as much of
a GEMM, and the bfloat16 one must save more than that on any CPU that has the instructions."""

TOKENS = 512
"""Tokens below which the screen is not tried: rounding the projection costs the same for few tokens as for many."""


def search(hidden: Tensor, offsets: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """[B, V] float32 term weights and [B, V] int32 winners of float32 tensors on the CPU.

    Dense calls, as all are before FLOPS regularisation bites, cost the sample and nothing else. The density is
    that of the call itself and not of earlier ones, so that results do not depend on what ran before.
    """
    if screen.Trust.lost or len(hidden) < TOKENS:
        return compiled.search(hidden, offsets, weight, bias)
    sample = screen.Sample.compute(hidden, offsets, weight, bias)
    if sample.density > SPARSE:
        return compiled.search(hidden, offsets, weight, bias)
    return screen.checked(hidden, offsets, weight, bias, sample)
