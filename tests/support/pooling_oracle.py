"""The SPLADE pooling by brute force: float64, one text and one term at a time, gradients from their definition."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from rescalade.splade.backends.choose import Backend
from rescalade.splade.pooling import term_weights


@dataclass
class Problem:
    """Packed texts [T, D], offsets [B + 1], projection [V, D], bias [V], dLoss/dy [B, V]."""

    hidden: Tensor
    offsets: Tensor
    weight: Tensor
    bias: Tensor
    upstream: Tensor

    @classmethod
    def random(cls, seed: int, lengths: list[int], width: int, vocabulary: int, shift: float) -> Problem:
        random = torch.Generator().manual_seed(seed)
        offsets = torch.tensor([0, *np.cumsum(lengths)], dtype=torch.int64)
        return cls(
            torch.randn(int(offsets[-1]), width, generator=random),
            offsets,
            torch.randn(vocabulary, width, generator=random) / width**0.5,
            torch.randn(vocabulary, generator=random) + shift,
            torch.randn(len(lengths), vocabulary, generator=random),
        )

    @classmethod
    def whole_numbers(cls, seed: int, lengths: list[int], width: int, vocabulary: int) -> Problem:
        """Small whole numbers: exact in every type and order of summation, and full of ties."""
        problem = cls.random(seed, lengths, width, vocabulary, 0.0)
        random = torch.Generator().manual_seed(seed)
        for tensor in (problem.hidden, problem.weight, problem.bias):
            tensor.copy_(torch.randint(-2, 3, tensor.shape, generator=random))
        return problem


def oracle(problem: Problem) -> list[Tensor]:
    """Term weights and the gradients of hidden, weight and bias, all float64."""
    hidden, weight = problem.hidden.double().numpy(), problem.weight.double().numpy()
    bias, upstream = problem.bias.double().numpy(), problem.upstream.double().numpy()
    values = np.zeros_like(upstream)
    gradients = [np.zeros_like(hidden), np.zeros_like(weight), np.zeros_like(bias)]
    for text in range(len(upstream)):
        start, stop = int(problem.offsets[text]), int(problem.offsets[text + 1])
        for term in range(len(weight)):
            best, winner = 0.0, -1
            for token in range(start, stop):
                logit = float(np.sum(hidden[token] * weight[term])) + bias[term]
                if logit > best:  # strictly: the first token wins a tie, and 0 is not active
                    best, winner = logit, token
            values[text, term] = np.log(1.0 + best)
            if winner >= 0:
                slope = upstream[text, term] / (1.0 + best)
                gradients[0][winner] += slope * weight[term]
                gradients[1][term] += slope * hidden[winner]
                gradients[2][term] += slope
    return [torch.from_numpy(array) for array in (values, *gradients)]


def computed(problem: Problem, backend: Backend) -> list[Tensor]:
    """Term weights and the gradients of hidden, weight and bias, from a back end."""
    leaves = [tensor.clone().requires_grad_() for tensor in (problem.hidden, problem.weight, problem.bias)]
    values = term_weights(leaves[0], problem.offsets, leaves[1], leaves[2], backend=backend)
    return [values.detach(), *torch.autograd.grad((values * problem.upstream).sum(), leaves)]
