"""Operands of the bfloat16 screen: a GEMM whose result is never below the float32 logit.

With x^ the bfloat16 rounding of x and dx = x - x^,

    h . w  =  h^ . w^  +  dh . w  +  h^ . dw  <=  h^ . w^  +  |dh| |w|  +  |h^| |dw|      (Cauchy-Schwarz)

so two more columns per operand, the norms |dh|, |h^| against |w|, |dw|, make the product an upper bound of the
logit, token by token and term by term. The float32 summation error of both GEMMs is at most g |h| |w| with
g = (columns) 2^-24 each (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., eq. 3.5); it joins
|dw|. The bias takes two columns, its bfloat16 rounding and the rest, against ones. Every such column is rounded
up, and their own product's error is covered by the slack of that rounding.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rescalade.splade import kernels

EXTRA = 4
"""Columns beyond the D of the operands: two for the margin, two for the bias."""

MULTIPLE = 32
"""The columns are filled up with zeros to a multiple: what one bfloat16 instruction of either kind consumes."""

UP = 1.0 + 2.0**-6
"""bfloat16 rounding loses at most 2^-8 of a value, so a number times UP stays above it by another 2^-7."""

TINY = 1e-12
"""Added to every bias: for products so small that a square or a subnormal bfloat16 number is flushed to zero."""

LARGEST = 1e37
"""Norm products above this might overflow on the way; then nothing is promised."""


def columns(width: int) -> int:
    """Columns of the operands for hidden states of D = width."""
    return -(-(width + EXTRA) // MULTIPLE) * MULTIPLE


def hidden_operand(hidden: Tensor, margin: float) -> tuple[Tensor, float]:
    """([T, K] bfloat16, largest norm of a token) of [T, D] float32 hidden states; margin 1 keeps the promise above."""
    width = hidden.shape[1]
    operand = torch.zeros((len(hidden), columns(width)), dtype=torch.bfloat16)
    norms = _rounded(hidden, operand)
    largest = float(norms.amax()) if len(hidden) else 0.0
    operand[:, width] = norms[:, 0] * (UP * margin)
    operand[:, width + 1] = norms[:, 1] * (UP * margin)
    operand[:, width + 2 : width + 4] = 1
    return operand, largest


def weight_operand(weight: Tensor, bias: Tensor, operand: Tensor) -> float:
    """Fill [C, K] bfloat16 from [C, D] float32 rows of the projection and [C] of the bias; the largest norm of a row.

    Args:
        weight: [C, D] float32.
        bias: [C] float32.
        operand: [C, K] bfloat16, written but for its zero padding.
    """
    width = weight.shape[1]
    norms = _rounded(weight, operand)
    error = 4 * operand.shape[1] * 2.0**-24  # both GEMMs, and the margin's own columns
    operand[:, width] = norms[:, 1] * UP
    operand[:, width + 1] = (norms[:, 0] + error * norms[:, 1]) * UP
    raised = bias + bias.abs() * (2.0**-15 + error) + TINY
    operand[:, width + 2] = raised
    operand[:, width + 3] = raised - operand[:, width + 2].float()
    return float(norms[:, 1].amax())


def _rounded(values: Tensor, operand: Tensor) -> Tensor:
    """Write the bfloat16 rounding of [N, D] into operand[:, :D]; [N, 2] norms of what it lost and of the values."""
    norms = torch.empty((len(values), 2))
    kernels.round_rows(values.contiguous().numpy(), operand.view(torch.int16).numpy(), norms.numpy())
    return norms
