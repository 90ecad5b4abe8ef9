"""Compiled CPU kernels of the pooling: a segmented max with its winner, and the sparse backward.

They are module-level functions so that numba's cache on disk serves every later process; compiled
once per machine and version, they then load in well under a second.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rescalade.compiled import kernel

Float = NDArray[np.float32]
Int16 = NDArray[np.int16]
Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]


@kernel()
def segment_max(logits: Float, offsets: Int64, first: int, best: Float, winner: Int32) -> None:
    """Fold one vocabulary chunk into the running maximum of some texts that follow one another.

    Args:
        logits: [T, C] float32, logits of these texts' tokens for the vocabulary chunk.
        offsets: [B + 1] int64, text b owns the tokens offsets[b]:offsets[b + 1] of all; logits begin at offsets[0].
        first: vocabulary number of the chunk's first column.
        best: [B, V] float32, maximum so far; written.
        winner: [B, V] int32, token that holds it, numbered among all; written. The first token wins a tie.
    """
    columns = logits.shape[1]
    for text in range(len(offsets) - 1):
        text_best = best[text, first : first + columns]
        text_winner = winner[text, first : first + columns]
        for token in range(offsets[text], offsets[text + 1]):
            row = logits[token - offsets[0]]
            for column in range(columns):
                # a NaN wins and stays, as in torch's max: a broken model must not look like an empty one
                better = row[column] > text_best[column] or row[column] != row[column]
                text_best[column] = row[column] if better else text_best[column]
                text_winner[column] = token if better else text_winner[column]


@kernel(fastmath={"reassoc", "contract"})
def winners_backward(
    gradient: Float, winner: Int32, hidden: Float, weight: Float, hidden_gradient: Float, weight_gradient: Float
) -> None:
    """Accumulate the gradients that flow through the winning (token, term) pairs only.

    Args:
        gradient: [B, V] float32, dLoss/dlogit of the winner, 0 where the term is inactive.
        winner: [B, V] int32, token row of the winner.
        hidden: [T, D] float32 decoder inputs; weight: [V, D] float32 output projection.
        hidden_gradient: [T, D] float32; weight_gradient: [V, D] float32. Both are added to.
    """
    texts, vocabulary = gradient.shape
    width = hidden.shape[1]
    block = 256  # rows of the projection that stay in cache while all texts pass over them
    for start in range(0, vocabulary, block):
        stop = min(vocabulary, start + block)
        for text in range(texts):
            for term in range(start, stop):
                g = gradient[text, term]
                if g != 0.0:
                    token = winner[text, term]
                    for d in range(width):
                        hidden_gradient[token, d] += g * weight[term, d]
                        weight_gradient[term, d] += g * hidden[token, d]


@kernel(fastmath={"reassoc", "contract"})
def winners_backward_hidden(gradient: Float, winner: Int32, weight: Float, hidden_gradient: Float) -> None:
    """The half of `winners_backward` that a frozen projection leaves: the gradient of the hidden states.

    Args:
        gradient: [B, V] float32, dLoss/dlogit of the winner, 0 where the term is inactive.
        winner: [B, V] int32, token row of the winner.
        weight: [V, D] float32 output projection.
        hidden_gradient: [T, D] float32; added to.
    """
    texts, vocabulary = gradient.shape
    width = weight.shape[1]
    block = 256  # rows of the projection that stay in cache while all texts pass over them
    for start in range(0, vocabulary, block):
        stop = min(vocabulary, start + block)
        for text in range(texts):
            for term in range(start, stop):
                g = gradient[text, term]
                if g != 0.0:
                    token = winner[text, term]
                    for d in range(width):
                        hidden_gradient[token, d] += g * weight[term, d]


@kernel()
def segment_max_bits(logits: Int16, offsets: Int64, first: int, best: Int16) -> None:
    """Fold one vocabulary chunk of bfloat16 logits into the running maximum of every text, without its winner.

    It works on bit patterns: as integers they are ordered like the numbers where these are not negative.

    Args:
        logits: [T, C] int16, bit patterns of bfloat16 logits.
        offsets: [B + 1] int64.
        first: vocabulary number of the chunk's first column.
        best: [B, V] int16, zero or the largest positive pattern so far; written.
    """
    columns = logits.shape[1]
    for text in range(len(offsets) - 1):
        text_best = best[text, first : first + columns]
        for token in range(offsets[text], offsets[text + 1]):
            row = logits[token]
            for column in range(columns):
                text_best[column] = max(text_best[column], row[column])


@kernel(fastmath={"reassoc", "contract"})
def round_rows(values: Float, rounded: Int16, norms: Float) -> None:
    """Round rows to bfloat16, to nearest and ties to even, and measure what that loses.

    Args:
        values: [N, D] float32, finite.
        rounded: [N, K] int16, K >= D, bit patterns of bfloat16; the first D columns are written.
        norms: [N, 2] float32: the L2 norm of values - rounded, and that of values; written.
    """
    count, width = values.shape
    bits = values.view(np.int32)
    line = np.empty(width, dtype=np.int32)
    nearest = line.view(np.float32)
    for row in range(count):
        for d in range(width):
            pattern = bits[row, d]
            line[d] = (pattern + 0x7FFF + ((pattern >> 16) & 1)) & -0x10000
            rounded[row, d] = line[d] >> 16
        lost = np.float32(0.0)
        length = np.float32(0.0)
        for d in range(width):
            difference = values[row, d] - nearest[d]
            lost += difference * difference
            length += values[row, d] * values[row, d]
        norms[row, 0] = np.sqrt(lost)
        norms[row, 1] = np.sqrt(length)
