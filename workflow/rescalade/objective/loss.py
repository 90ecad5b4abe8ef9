"""Ranking losses and regularisers of a logical micro-batch, and the tables of their names in the settings of training.

Queries are rows 0 to B - 1. Documents are the positives in the order of the queries, then the hard negatives,
n per query and query after query. `scores` is [B, B + B n], every query with every document.

Sources: contrastive part and weights, arXiv 2606.18811; own negatives, naver/splade `InBatchPairwiseNLL`; MarginMSE,
arXiv 2010.02666; KL distillation, arXiv 2403.06789; FLOPS, Paria et al., arXiv 2004.05665.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional


def score(queries: Tensor, documents: Tensor, precision: str = "fp32") -> Tensor:
    """[B, N] float32 dot products of term weights; bf16 rounds factors and products, to study the loss of digits."""
    if precision == "bf16":
        return (queries.bfloat16() @ documents.bfloat16().t()).float()
    return queries.float() @ documents.float().t()


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
    scores = score(queries, documents)
    return contrastive(scores, temperature), scores


def contrastive(scores: Tensor, temperature: float) -> Tensor:
    """InfoNCE from scores [B, N] whose diagonal are the positives."""
    targets = torch.arange(len(scores), device=scores.device)
    return functional.cross_entropy(scores / temperature, targets)


def own_scores(scores: Tensor) -> Tensor:
    """[B, 1 + n]: each query with its positive and its own negatives, out of [B, B + B n]."""
    queries = len(scores)
    negatives = scores[:, queries:].reshape(queries, queries, -1)
    row = torch.arange(queries, device=scores.device)
    return torch.cat([scores.diagonal().unsqueeze(1), negatives[row, row]], dim=1)


def own_negatives_contrastive(scores: Tensor, temperature: float) -> Tensor:
    """InfoNCE whose candidates are all positives and the query's own negatives."""
    queries = len(scores)
    return contrastive(torch.cat([scores[:, :queries], own_scores(scores)[:, 1:]], dim=1), temperature)


def margin_mse(own: Tensor, teacher: Tensor) -> Tensor:
    """Mean over queries and negatives of ((s+ - s-) - (t+ - t-))^2.

    Args:
        own: [B, 1 + n] float32 scores, the positive's first. teacher: the same of the teacher.
    """
    return functional.mse_loss(own[:, :1] - own[:, 1:], teacher[:, :1] - teacher[:, 1:])


def kl_distillation(own: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """tau^2 times the mean over queries of KL(softmax(t / tau) || softmax(s / tau)) over positive and own negatives."""
    student = functional.log_softmax(own / temperature, dim=1)
    target = functional.log_softmax(teacher / temperature, dim=1)
    return functional.kl_div(student, target, log_target=True, reduction="batchmean") * temperature**2


def flops_regulariser(weights: Tensor) -> Tensor:
    """Sum over terms of the squared mean weight.

        FLOPS = sum_j (1/N sum_i y_ij)^2

    Args:
        weights: [N, V] float32, the rows of one logical micro-batch.
    """
    return weights.mean(0).square().sum()


def l1_regulariser(weights: Tensor) -> Tensor:
    """Mean over texts of the sum of weights: 1/N sum_i sum_j y_ij (they are never negative)."""
    return weights.sum(1).mean()


class LossSettings(Protocol):
    """What ranking losses read of the settings of training."""

    @property
    def temperature(self) -> float:
        """Divisor of the scores inside a softmax."""

    @property
    def margin_mse_weight(self) -> float:
        """Weight of MarginMSE beside KL."""


@dataclass(frozen=True)
class Ranking:
    """One ranking loss.

    function: (scores [B, B + B n], teacher scores [B, 1 + n], settings) -> scalar. distils: it reads teacher scores,
    the positive's first; other losses get an empty tensor. gathers: its batch is the whole optimiser step and not one
    micro-batch of it, so that documents of all devices and accumulation steps are candidates. candidates: (B, n) -> the
    documents in a query's softmax, whose logarithm is the loss of telling nothing apart; None where it is not.
    """

    function: Callable[[Tensor, Tensor, LossSettings], Tensor]
    distils: bool = False
    gathers: bool = False
    candidates: Callable[[int, int], int] | None = None


def _kl_and_margin_mse(scores: Tensor, teacher: Tensor, settings: LossSettings) -> Tensor:
    own = own_scores(scores)
    return kl_distillation(own, teacher, settings.temperature) + settings.margin_mse_weight * margin_mse(own, teacher)


def _all_documents(queries: int, negatives: int) -> int:
    return queries * (1 + negatives)


def _positives_and_own(queries: int, negatives: int) -> int:
    return queries + negatives


RANKING: dict[str, Ranking] = {
    "infonce": Ranking(
        lambda scores, _, settings: contrastive(scores, settings.temperature), candidates=_all_documents
    ),
    "infonce-own-negatives": Ranking(
        lambda scores, _, settings: own_negatives_contrastive(scores, settings.temperature),
        candidates=_positives_and_own,
    ),
    "infonce-gathered": Ranking(
        lambda scores, _, settings: contrastive(scores, settings.temperature), gathers=True, candidates=_all_documents
    ),
    "margin-mse": Ranking(lambda scores, teacher, _: margin_mse(own_scores(scores), teacher), distils=True),
    "kl": Ranking(
        lambda scores, teacher, settings: kl_distillation(own_scores(scores), teacher, settings.temperature),
        distils=True,
    ),
    "kl-margin-mse": Ranking(_kl_and_margin_mse, distils=True),
}
"""By `loss` of the settings, whose type names the same (held together by tests/training/test_loss_names.py)."""

REGULARISERS: dict[str, Callable[[Tensor], Tensor]] = {"flops": flops_regulariser, "l1": l1_regulariser}
"""By `regulariser_query` and `regulariser_document` of the settings."""
