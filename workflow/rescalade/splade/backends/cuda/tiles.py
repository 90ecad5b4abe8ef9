"""Tile sizes of the Triton kernels."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tiles:
    """Powers of two; tl.dot asks for 16 at least.

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


def tokens_tile(tiles: Tiles, longest: int) -> int:
    """Tokens in a forward tile: no more than the longest text fills."""
    tile = 16
    while tile < min(longest, tiles.tokens):
        tile *= 2
    return tile
