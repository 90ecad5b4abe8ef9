"""The ways to compute term weights that bench_head.py compares."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from head_problem import PoolingProblem
from rescalade.splade.backends.choose import Backend
from rescalade.splade.pooling import pack, term_weights

Compute = Callable[[Tensor, Tensor, Tensor], Tensor | None]
"""(hidden [B, L, D], weight [V, D], bias [V]) -> term weights [B, V], or nothing for the bare GEMM."""

OURS: tuple[Backend, ...] = ("numba", "screen", "portable", "auto")
NAMES = ("gemm", "splade_pooling", *OURS)


def contender(name: str, problem: PoolingProblem) -> Compute:
    """One of NAMES; `gemm` is the bare product of the real tokens, each chunk written over the last."""
    mask = problem.mask
    if name == "gemm":
        return lambda hidden, weight, bias: _gemm(hidden[mask], weight)
    if name == "splade_pooling":
        return _splade_pooling(mask)
    backend: Backend = name  # type: ignore[assignment]
    return lambda hidden, weight, bias: term_weights(*pack(hidden, mask), weight, bias, backend=backend)


def _gemm(hidden: Tensor, weight: Tensor, chunk: int = 512) -> None:
    hidden, weight = hidden.detach(), weight.detach()
    buffer = torch.empty(len(hidden) * chunk)
    for part in weight.split(chunk):
        torch.mm(hidden, part.t(), out=buffer[: len(hidden) * len(part)].view(len(hidden), len(part)))


def _splade_pooling(mask: Tensor) -> Compute:
    from sentence_transformers.sparse_encoder.modules import SpladePooling

    pooling = SpladePooling("max")

    def compute(hidden: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        pooling.train(torch.is_grad_enabled())
        features = {"token_embeddings": torch.nn.functional.linear(hidden, weight, bias), "attention_mask": mask.long()}
        pooled: Tensor = pooling(features)["sentence_embedding"]
        return pooled

    return compute
