"""Back end `triton`: the pooling on CUDA over packed tokens, without atomics, the same bits in every run.

Half precision operands are multiplied on tensor cores and summed in float32; the weights of terms are float32.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

import torch
import triton
from torch import Tensor

from rescalade.splade.backends.cuda.backward import hidden_kernel, projection_kernel
from rescalade.splade.backends.cuda.forward import forward_kernel

WIDE = 2**31


@dataclass(frozen=True)
class Tiles:
    """Tile sizes of the kernels: powers of two; tl.dot asks for 16 at least.

    They are fixed, not tuned at run time: a tuner picks by a stopwatch, and other tiles sum in another order.

    Attributes:
        terms, tokens, width: forward tile of the vocabulary, of a text and of the hidden width.
        backward_terms, backward_width, pairs: tile of the projection's gradient; pairs added at a time.
        warps, stages: of the forward kernel.
        group_tokens: about how many tokens' texts one forward program walks over.
        sorted_pairs: about how many (text, term) pairs are sorted at a time; bounds the memory of the backward pass.
    """

    terms: int = 128
    tokens: int = 128
    width: int = 64
    backward_terms: int = 32
    backward_width: int = 128
    pairs: int = 32
    warps: int = 8
    stages: int = 3
    group_tokens: int = 4096
    sorted_pairs: int = 2**22


HALF = Tiles()
"""bfloat16 and float16: three stages of both operands take 96 KB of shared memory."""

SINGLE = Tiles(terms=64, tokens=64, width=32, warps=4, stages=2)
"""float32."""


def compute(hidden: Tensor, offsets: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """[B, V] float32 term weights."""
    tiles = SINGLE if hidden.dtype == torch.float32 else HALF
    on_device = torch.cuda.device(hidden.device) if hidden.is_cuda else contextlib.nullcontext()
    with on_device:
        weights: Tensor = TritonTermWeights.apply(hidden, offsets, weight, bias, tiles)  # type: ignore[no-untyped-call]
    return weights


class TritonTermWeights(torch.autograd.Function):
    """The kernels as one differentiable function of hidden [T, D], weight [V, D] and bias [V]."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, offsets: Tensor, weight: Tensor, bias: Tensor, tiles: Tiles) -> Tensor:
        """Term weights [B, V] float32."""
        hidden, weight, bias = hidden.contiguous(), weight.contiguous(), bias.contiguous()
        (tokens, width), vocabulary, texts = hidden.shape, len(weight), len(offsets) - 1
        longest = int(offsets.diff().max()) if texts else 0
        kind = torch.int64 if max(tokens, vocabulary) * width >= WIDE else torch.int32
        bounds = offsets.to(hidden.device, kind)
        weights = hidden.new_empty((texts, vocabulary), dtype=torch.float32)
        small = longest < torch.iinfo(torch.int16).max
        winner = weights.new_empty(weights.shape, dtype=torch.int16 if small else torch.int32)
        group = max(1, tiles.group_tokens * texts // max(1, tokens))
        if texts:
            forward_kernel[(triton.cdiv(vocabulary, tiles.terms), triton.cdiv(texts, group))](
                hidden,
                bounds,
                weight.to(hidden.dtype),
                bias,
                weights,
                winner,
                texts,
                vocabulary,
                group,
                width,
                tiles.terms,
                tokens_tile(tiles, longest),
                tiles.width,
                "tf32" if torch.backends.cuda.matmul.allow_tf32 else "ieee",
                not hidden.is_cuda,
                num_warps=tiles.warps,
                num_stages=tiles.stages,
            )
        if any(ctx.needs_input_grad):
            ctx.save_for_backward(hidden, weight, bias, weights, winner, bounds)
            ctx.offsets, ctx.tiles, ctx.longest = offsets, tiles, longest
        return weights

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients in the types of hidden, weight and bias; those of a frozen projection are not computed."""
        hidden, weight, bias, weights, winner, bounds = ctx.saved_tensors
        upstream = gradients[0].float().contiguous()
        tiles: Tiles = ctx.tiles
        (vocabulary, width), texts = weight.shape, len(weights)
        weight_gradient = bias_gradient = None
        _, _, weight_free, bias_free, _ = ctx.needs_input_grad
        if weight_free:
            weight_gradient, bias_gradient = torch.empty_like(weight), torch.empty_like(bias)
            grid = (triton.cdiv(vocabulary, tiles.backward_terms), triton.cdiv(width, tiles.backward_width))
            projection_kernel[grid](
                upstream,
                weights,
                winner,
                bounds,
                hidden,
                weight_gradient,
                bias_gradient,
                texts,
                vocabulary,
                width,
                tiles.backward_terms,
                tiles.backward_width,
            )
        elif bias_free:
            bias_gradient = torch.where(weights > 0, upstream * torch.exp(-weights), 0.0).sum(0).to(bias.dtype)
        hidden_gradient = torch.empty_like(hidden)
        operand = weight.to(hidden.dtype)
        owner = torch.repeat_interleave(torch.arange(texts, dtype=torch.int32), ctx.offsets.diff()).to(hidden.device)
        step = max(1, tiles.sorted_pairs // vocabulary)
        for first in range(0, texts, step):
            last = min(first + step, texts)
            start, stop = int(ctx.offsets[first]), int(ctx.offsets[last])
            if stop == start:
                continue
            order, won = sorted_by_winner(weights[first:last], winner[first:last], ctx.longest)
            hidden_kernel[(stop - start, triton.cdiv(width, tiles.backward_width))](
                upstream,
                weights,
                order,
                won,
                owner,
                bounds,
                operand,
                hidden_gradient,
                start,
                first,
                won.shape[1],
                vocabulary,
                width,
                tiles.pairs,
                tiles.backward_width,
            )
        return hidden_gradient, None, weight_gradient, bias_gradient, None


def tokens_tile(tiles: Tiles, longest: int) -> int:
    """Tokens in a forward tile: no more than the longest text fills."""
    tile = 16
    while tile < min(longest, tiles.tokens):
        tile *= 2
    return tile


def sorted_by_winner(weights: Tensor, winner: Tensor, longest: int) -> tuple[Tensor, Tensor]:
    """Rows of a CSR matrix per text: which terms each token won.

    Args:
        weights: [G, V] float32; winner: [G, V] int16 or int32; longest: tokens of the longest text.

    Returns:
        order [G, V] int64, terms sorted by winner and then by number, inactive ones last; and bounds
        [G, longest + 1] int64: token l won order[bounds[l]:bounds[l + 1]].
    """
    nobody = torch.iinfo(winner.dtype).max
    key, order = torch.where(weights > 0, winner, nobody).sort(dim=1, stable=True)
    tokens = torch.arange(longest + 1, dtype=winner.dtype, device=winner.device).expand(len(winner), -1)
    return order, torch.searchsorted(key, tokens.contiguous())
