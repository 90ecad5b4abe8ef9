"""Forward kernel of the Triton back end: GEMM, maximum, winner and activation in one pass."""

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
def forward_kernel(
    hidden: tl.tensor,
    offsets: tl.tensor,
    weight: tl.tensor,
    bias: tl.tensor,
    weights: tl.tensor,
    winner: tl.tensor,
    texts: tl.tensor,
    vocabulary: tl.tensor,
    group: tl.tensor,
    width: tl.constexpr,
    block_terms: tl.constexpr,
    block_tokens: tl.constexpr,
    block_width: tl.constexpr,
    precision: tl.constexpr,
    widened: tl.constexpr,
) -> None:
    """One program: a tile of the vocabulary, over the texts of one group; nothing of [T, V] leaves the registers.

    Args:
        hidden: [T, D] float32, bfloat16 or float16; weight: [V, D] of the same type; bias: [V].
        offsets: [B + 1] int32 or int64, wide enough for T D and V D.
        weights: [B, V] float32, written.
        winner: [B, V] int16 or int32, token within its text, written; 0 where no token counts.
        texts: B; vocabulary: V; group: texts per group.
        width: D; block_terms, block_tokens, block_width: tile sizes, powers of two from 16.
        precision: "ieee" or "tf32", of float32 products.
        widened: multiply in float32 whatever the type; Triton's interpreter would multiply bfloat16's bit patterns.
    """
    kind = offsets.dtype.element_ty
    term = tl.program_id(0) * block_terms + tl.arange(0, block_terms)
    inside = term < vocabulary
    # beyond an end the last term or token is computed again, without masks: a term is then not stored, and a token
    # changes neither the maximum nor who reached it first
    line = tl.minimum(term, vocabulary - 1).to(kind)
    first = tl.program_id(1) * group
    last = tl.minimum(first + group, texts)
    shift = tl.load(bias + line).to(tl.float32)
    output = first.to(tl.int64) * vocabulary + term
    column = tl.arange(0, block_width)
    for text in range(first, last):
        start = tl.load(offsets + text)
        stop = tl.load(offsets + text + 1)
        best = tl.full((block_terms,), float("-inf"), tl.float32)
        position = tl.zeros((block_terms,), tl.int32)
        broken = tl.zeros((block_terms,), tl.int32)
        for row_start in range(start, stop, block_tokens):
            row = tl.minimum(row_start + tl.arange(0, block_tokens), stop - 1)
            left_at = weight + line[:, None] * width + column[None, :]
            right_at = hidden + row[None, :] * width + column[:, None]
            # terms in rows: tensor cores leave most of a row in one thread, where reducing it needs no exchange
            logits = tl.zeros((block_terms, block_tokens), tl.float32)
            for column_start in range(0, width, block_width):
                if width % block_width == 0:
                    left, right = tl.load(left_at), tl.load(right_at)
                else:
                    known = column_start + column < width
                    left = tl.load(left_at, mask=known[None, :], other=0.0)
                    right = tl.load(right_at, mask=known[:, None], other=0.0)
                if widened:
                    left, right = left.to(tl.float32), right.to(tl.float32)
                logits = tl.dot(left, right, logits, input_precision=precision)
                left_at += block_width
                right_at += block_width
            # a NaN wins and stays, but comparisons would drop it: it is counted apart
            broken = tl.maximum(broken, tl.max((logits != logits).to(tl.int32), 1))
            logits = tl.where(logits == logits, logits, float("-inf"))
            top = tl.max(logits, 1)
            place = (row - start).to(tl.int32)
            index = tl.min(tl.where(logits == top[:, None], place[None, :], 2147483647), 1)  # the first of equal ones
            better = top > best  # strictly: an earlier tile keeps a tie
            position = tl.where(better, index, position)
            best = tl.where(better, top, best)
        value = activation(tl.where(broken > 0, float("nan"), best + shift))
        tl.store(weights + output, value, mask=inside)
        tl.store(winner + output, position.to(winner.dtype.element_ty), mask=inside)
        output += vocabulary
