"""Back end `screen`: a bfloat16 GEMM finds the pairs that may be active, float32 computes those alone.

The screened logits are upper bounds of the exact ones (see `margin`), so a pair whose bound is not positive is
inactive. The candidates, few where vectors are sparse, are computed again in float32: values, winners and
gradients are those of the exact path. A proof is worth what the library below it keeps to, so every call also
computes a sample of vocabulary columns exactly and compares.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import torch
from torch import Tensor

from rescalade.splade import kernels
from rescalade.splade.backends import compiled, margin

CHUNK = 1024
"""Vocabulary columns per chunk; bfloat16 logits take half the cache."""

MARGIN = 1.0
"""Factor on the proven margin; below 1 it is no bound any more."""

DENSE = 0.25
"""Share of candidates above which the exact path is cheaper than computing them again."""

COLUMNS = 128
"""Columns that are computed exactly too: 0.4 % of a vocabulary of 30,522."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sample:
    """Some vocabulary columns [S] int64 with their exact term weights [B, S] float32.

    They say how dense a call is, and whether a screen of it held.
    """

    columns: Tensor
    weights: Tensor

    @classmethod
    def compute(cls, hidden: Tensor, offsets: Tensor, weight: Tensor, bias: Tensor) -> Sample:
        """Evenly spread columns, other ones for other numbers of tokens.

        What is drawn depends on the call's own inputs only, and so does what is decided from it: a training
        that resumes from a checkpoint decides as the unbroken one did.
        """
        stride = max(1, len(weight) // COLUMNS)
        columns = torch.arange(len(hidden) % stride, len(weight), stride)
        weights, _ = compiled.search(hidden, offsets, weight[columns], bias[columns])
        return cls(columns, weights)

    @property
    def density(self) -> float:
        """Share of active pairs; 1 where a weight is not a number, so that nobody calls it sparse."""
        if not self.weights.numel():
            return 0.0
        return float(((self.weights > 0) | self.weights.isnan()).float().mean())

    def missed(self, candidates: Tensor) -> int:
        """Active pairs of the sample that [B, V] candidates leave out."""
        return int(((self.weights > 0) & (candidates[:, self.columns] <= 0)).sum())


class Trust:
    """Whether this process still believes the screen; one miss ends it."""

    lost = False


def search(hidden: Tensor, offsets: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Term weights [B, V] float32 and winners [B, V] int32 of float32 tensors on the CPU.

    The winner of an inactive pair is 0: it gets no gradient.
    """
    if Trust.lost:
        return compiled.search(hidden, offsets, weight, bias)
    return checked(hidden, offsets, weight, bias, Sample.compute(hidden, offsets, weight, bias))


def checked(hidden: Tensor, offsets: Tensor, weight: Tensor, bias: Tensor, sample: Sample) -> tuple[Tensor, Tensor]:
    """Term weights and winners as of `search`, by a screen that a sample of exact columns is compared with.

    Everything is computed exactly where a screen is not allowed, does not pay or missed an active pair of the sample.
    """
    candidates = _candidates(hidden, offsets, weight, bias)
    if candidates is None or float(candidates.count_nonzero()) > DENSE * candidates.numel():
        return compiled.search(hidden, offsets, weight, bias)
    missed = sample.missed(candidates)
    if missed:
        Trust.lost = True
        _log.warning(
            "the bfloat16 screen missed %d active pairs of %d sampled columns: this call is computed again exactly, "
            "and the screen is not used any more in this process",
            missed,
            len(sample.columns),
        )
        return compiled.search(hidden, offsets, weight, bias)
    return _rescored(hidden, offsets, weight, bias, candidates)


def _candidates(hidden: Tensor, offsets: Tensor, weight: Tensor, bias: Tensor) -> Tensor | None:
    """[B, V] int16, positive where a pair may be active; None if some number is not finite or too large to bound."""
    operand, longest = margin.hidden_operand(hidden, MARGIN)
    vocabulary, width = len(weight), operand.shape[1]
    found = torch.zeros((len(offsets) - 1, vocabulary), dtype=torch.int16)
    chunk = min(CHUNK, vocabulary)
    columns = torch.zeros((chunk, width), dtype=torch.bfloat16)
    buffer = torch.empty(len(hidden) * chunk, dtype=torch.bfloat16)
    if not bool(bias.abs().amax() < margin.LARGEST):
        return None
    for first in range(0, vocabulary, CHUNK):
        rows = slice(first, first + CHUNK)
        part = columns[: len(weight[rows])]
        largest = margin.weight_operand(weight[rows], bias[rows], part)
        if not longest * largest < margin.LARGEST:  # also true of a NaN
            return None
        logits = buffer[: len(hidden) * len(part)].view(len(hidden), len(part))
        torch.mm(operand, part.t(), out=logits)
        kernels.segment_max_bits(logits.view(torch.int16).numpy(), offsets.numpy(), first, found.numpy())
    return found


def _rescored(
    hidden: Tensor, offsets: Tensor, weight: Tensor, bias: Tensor, candidates: Tensor
) -> tuple[Tensor, Tensor]:
    """Float32 term weights and winners of the candidates, zero elsewhere."""
    weights = hidden.new_zeros(candidates.shape)
    winner = torch.zeros(candidates.shape, dtype=torch.int32)
    bounds = offsets.tolist()
    for text, found in enumerate(candidates):
        terms = found.nonzero().squeeze(1)
        if len(terms):
            start = bounds[text]
            logit, index = (hidden[start : bounds[text + 1]] @ weight[terms].t()).max(0)
            weights[text, terms] = torch.log1p(torch.relu(logit + bias[terms]))
            winner[text, terms] = (index + start).to(torch.int32)
    return weights, winner
