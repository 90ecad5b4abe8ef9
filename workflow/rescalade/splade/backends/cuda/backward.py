"""Backward kernels of the Triton back end: every element of a gradient has one owner, so nothing is added atomically.

The order of each sum is fixed by the inputs, and two runs give the same bits.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def logit_gradient(weights: tl.tensor, upstream: tl.tensor) -> tl.tensor:
    """dLoss/dlogit of the winner: dLoss/dy exp(-y) where the term is active, else 0."""
    return tl.where(weights > 0.0, upstream * tl.exp(-weights), 0.0)


@triton.jit
def projection_kernel(
    upstream: tl.tensor,
    weights: tl.tensor,
    winner: tl.tensor,
    offsets: tl.tensor,
    hidden: tl.tensor,
    weight_gradient: tl.tensor,
    bias_gradient: tl.tensor,
    texts: tl.tensor,
    vocabulary: tl.tensor,
    width: tl.constexpr,
    block_terms: tl.constexpr,
    block_width: tl.constexpr,
) -> None:
    """One program owns a tile of the projection's gradient and gathers the winners' hidden states, text by text.

    Args:
        upstream: [B, V] float32 dLoss/dy.
        weights: [B, V] float32; winner: [B, V] int16 or int32; offsets: [B + 1]; hidden: [T, D].
        weight_gradient: [V, D] and bias_gradient: [V], written.
        texts: B; vocabulary: V; width: D; block_terms, block_width: tile sizes, powers of two.
    """
    kind = offsets.dtype.element_ty
    term = tl.program_id(0) * block_terms + tl.arange(0, block_terms)
    column = tl.program_id(1) * block_width + tl.arange(0, block_width)
    inside = term < vocabulary
    wanted = inside[:, None] & (column < width)[None, :]
    total = tl.zeros((block_terms, block_width), tl.float32)
    bias_total = tl.zeros((block_terms,), tl.float32)
    pair = term.to(tl.int64)
    for text in range(0, texts):
        value = tl.load(weights + pair, mask=inside, other=0.0)
        gradient = logit_gradient(value, tl.load(upstream + pair, mask=inside, other=0.0))
        row = tl.load(offsets + text) + tl.load(winner + pair, mask=inside, other=0).to(kind)
        state = tl.load(
            hidden + row[:, None] * width + column[None, :], mask=wanted & (value > 0.0)[:, None], other=0.0
        )
        total += gradient[:, None] * state.to(tl.float32)
        bias_total += gradient
        pair += vocabulary
    target = weight_gradient + term.to(kind)[:, None] * width + column[None, :]
    tl.store(target, total.to(weight_gradient.dtype.element_ty), mask=wanted)
    if tl.program_id(1) == 0:
        tl.store(bias_gradient + term, bias_total.to(bias_gradient.dtype.element_ty), mask=inside)


@triton.jit
def hidden_kernel(
    upstream: tl.tensor,
    weights: tl.tensor,
    order: tl.tensor,
    bounds: tl.tensor,
    owner: tl.tensor,
    offsets: tl.tensor,
    weight: tl.tensor,
    hidden_gradient: tl.tensor,
    first_row: tl.tensor,
    first_text: tl.tensor,
    bounds_width: tl.tensor,
    vocabulary: tl.tensor,
    width: tl.constexpr,
    block_pairs: tl.constexpr,
    block_width: tl.constexpr,
) -> None:
    """One program owns part of one token's gradient: the sum over the terms that the token won.

    Args:
        upstream: [B, V] float32 dLoss/dy; weights: [B, V] float32.
        order: [G, V] int64, terms of the texts first_text, first_text + 1, ... sorted by the winning token.
        bounds: [G, bounds_width] int64, token l of a text won order[bounds[l]:bounds[l + 1]].
        owner: [T] int32 text of each token; offsets: [B + 1]; weight: [V, D] in the type of the hidden states.
        hidden_gradient: [T, D], written from row first_row on.
        vocabulary: V; width: D; block_pairs, block_width: tile sizes, powers of two.
    """
    kind = offsets.dtype.element_ty
    row = (tl.program_id(0) + first_row).to(kind)
    column = tl.program_id(1) * block_width + tl.arange(0, block_width)
    text = tl.load(owner + row)
    place = (text - first_text).to(tl.int64)
    bound = bounds + place * bounds_width + (row - tl.load(offsets + text))
    stop = tl.load(bound + 1)
    total = tl.zeros((block_width,), tl.float32)
    for start in range(tl.load(bound), stop, block_pairs):
        slot = start + tl.arange(0, block_pairs)
        real = slot < stop
        term = tl.load(order + place * vocabulary + slot, mask=real, other=0)
        pair = text.to(tl.int64) * vocabulary + term
        gradient = logit_gradient(
            tl.load(weights + pair, mask=real, other=0.0),
            tl.load(upstream + pair, mask=real, other=0.0),
        )
        line = tl.load(
            weight + term[:, None] * width + column[None, :],
            mask=real[:, None] & (column < width)[None, :],
            other=0.0,
        )
        total += tl.sum(gradient[:, None] * line.to(tl.float32), 0)
    target = hidden_gradient + row * width + column
    tl.store(target, total.to(hidden_gradient.dtype.element_ty), mask=column < width)
