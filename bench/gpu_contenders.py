"""The ways to compute term weights that bench_head_gpu.py compares."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from rescalade.splade.pooling import pack, term_weights
from sparton_restated import SpartonRestated

Compute = Callable[[Tensor, Tensor, Tensor], Tensor | None]
"""(hidden [B, L, D], weight [V, D] float32, bias [V] float32) -> term weights [B, V], or nothing for cuBLAS."""

NAMES = ("cublas", "splade_pooling", "sparton_restated", "triton")


def contender(name: str, mask: Tensor) -> Compute:
    """One of NAMES over texts with these real tokens; `triton` stands for `auto`, which is Triton on CUDA."""
    if name == "cublas":
        return lambda hidden, weight, bias: _gemm(hidden[mask], weight.to(hidden.dtype))
    if name == "sparton_restated":
        return lambda hidden, weight, bias: SpartonRestated.apply(hidden, mask, weight, bias)  # type: ignore[no-untyped-call, no-any-return]
    if name == "splade_pooling":
        return _splade_pooling(mask)
    return lambda hidden, weight, bias: term_weights(*pack(hidden, mask), weight, bias)


def _gemm(hidden: Tensor, weight: Tensor, chunk: int = 4096) -> None:
    """Every chunk is written over the last: the product and nothing else."""
    hidden, weight = hidden.detach(), weight.detach()
    buffer = hidden.new_empty(len(hidden) * chunk)
    for part in weight.split(chunk):
        torch.mm(hidden, part.t(), out=buffer[: len(hidden) * len(part)].view(len(hidden), len(part)))


def _splade_pooling(mask: Tensor) -> Compute:
    """What SparseEncoder does under bfloat16 autocast: logits of all positions in bfloat16, then the pooling."""
    from sentence_transformers.sparse_encoder.modules import SpladePooling

    pooling = SpladePooling("max")

    def compute(hidden: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        pooling.train(torch.is_grad_enabled())
        logits = torch.nn.functional.linear(hidden, weight.to(hidden.dtype), bias.to(hidden.dtype))
        pooled: Tensor = pooling({"token_embeddings": logits, "attention_mask": mask.long()})["sentence_embedding"]
        return pooled

    return compute
