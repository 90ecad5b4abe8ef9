"""The paper's training loss: in-batch softmax contrastive plus FLOPS.

Sources: contrastive part and weights, arXiv 2606.18811; FLOPS, Paria et al., arXiv 2004.05665.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def info_nce(queries: Tensor, documents: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Mean over queries of -log softmax of the positive's score among all documents of the batch.

    Args:
        queries: [B, V] float32.
        documents: [N, V] float32 with N >= B: rows 0 to B - 1 are the positives in the order of the
            queries, the others hard negatives. Every row is a candidate for every query.
        temperature: tau.

    Returns:
        (scalar loss, [B, N] float32 scores, the plain dot products).
    """
    scores = queries.float() @ documents.float().t()
    targets = torch.arange(len(queries), device=queries.device)
    return functional.cross_entropy(scores / temperature, targets), scores


def flops_regulariser(weights: Tensor) -> Tensor:
    """Sum over terms of the squared mean weight.

        FLOPS = sum_j (1/N sum_i y_ij)^2

    Args:
        weights: [N, V] float32, the rows of one logical micro-batch.
    """
    return weights.mean(0).square().sum()
