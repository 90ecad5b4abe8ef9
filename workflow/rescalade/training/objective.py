"""The training loss of a logical micro-batch as a module of sentence-transformers' trainer.

    L = ranking + lambda_q R_q(queries) + lambda_d R_d(documents)

Ranking loss and regularisers are functions of the term weights of the whole logical micro-batch, wherever its rows
were encoded. The lambdas of an optimiser step are set from outside, since they follow a ramp.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from rescalade.objective.loss import RANKING, REGULARISERS, flops_regulariser, score
from rescalade.objective.measures import Row, activity
from rescalade.splade.length_groups import Features
from rescalade.training.settings import TrainSettings
from rescalade.training.sharding import Gather, Sharding


class SpladeObjective(nn.Module):
    """Loss and measures of this device's logical batches.

    model: maps the features of B texts to `sentence_embedding` [B, V]. rows: the measures of each batch since
    `begin`. blocks: rows over which the regulariser is a mean (the logical micro-batch).
    """

    def __init__(self, model: nn.Module, settings: TrainSettings, sharding: Sharding, block: int) -> None:
        super().__init__()
        self.model = model
        self.settings, self.sharding, self.block = settings, sharding, block
        self.gather = Gather(sharding)
        self.begin((0.0, 0.0), measured=True)

    def begin(self, lambdas: tuple[float, float], *, measured: bool) -> None:
        """Begin an optimiser step; `measured` says whether active terms and cosines are counted in it."""
        self.lambdas, self.measured = lambdas, measured
        self.rows: list[Row] = []

    def encode(self, features: Features) -> Tensor:
        """[B, V] float32 term weights."""
        weights: Tensor = self.model(features)["sentence_embedding"]
        return weights

    def forward(self, features: Sequence[Features], labels: Tensor | None = None) -> Tensor:
        """Scalar loss of one logical batch.

        Args:
            features: of this device's queries [b] and documents [b + b n].
            labels: [b, 1 + n] teacher scores or None.
        """
        queries, documents = (self.encode(side) for side in features)
        return self.from_weights(queries, documents, labels)

    def from_weights(self, queries: Tensor, documents: Tensor, teacher: Tensor | None) -> Tensor:
        """Scalar loss from term weights of queries [b, V] and documents [b + b n, V]; adds a row of measures."""
        positives, negatives = documents.split([len(queries), len(documents) - len(queries)])
        queries, positives, negatives = self.gather(queries), self.gather(positives), self.gather(negatives)
        if self.sharding.parts > 1:
            documents = torch.cat([positives, negatives])
        scores = score(queries, documents, self.settings.score_precision)
        ranking = self._ranking(scores, None if teacher is None else self.gather(teacher))
        per_query = len(negatives) // len(queries)
        blocks = [
            (q, torch.cat([p, n]) if len(queries) > self.block else documents)
            for q, p, n in zip(
                queries.split(self.block),
                positives.split(self.block),
                negatives.split(self.block * per_query),
                strict=True,
            )
        ]
        names = {"query": self.settings.regulariser_query, "document": self.settings.regulariser_document}
        of_queries = _mean([REGULARISERS[names["query"]](q) for q, _ in blocks])
        of_documents = _mean([REGULARISERS[names["document"]](d) for _, d in blocks])
        loss = ranking + self.lambdas[0] * of_queries + self.lambdas[1] * of_documents
        with torch.no_grad():
            self.rows.append(
                {
                    "loss": float(loss),
                    "ranking_loss": float(ranking),
                    "flops_query": float(of_queries if names["query"] == "flops" else _flops(q for q, _ in blocks)),
                    "flops_document": float(
                        of_documents if names["document"] == "flops" else _flops(d for _, d in blocks)
                    ),
                    **self._measures(queries, documents, scores),
                    "regulariser_query": float(of_queries),
                    "regulariser_document": float(of_documents),
                }
            )
        return loss

    def _ranking(self, scores: Tensor, teacher: Tensor | None) -> Tensor:
        loss = RANKING[self.settings.loss]
        if loss.distils and teacher is None:
            raise ValueError(f"loss {self.settings.loss}: teacher scores are needed")
        return loss.function(scores, scores.new_empty(0) if teacher is None else teacher, self.settings)

    def _measures(self, queries: Tensor, documents: Tensor, scores: Tensor) -> Row:
        found = {
            "score_positive": float(scores.diagonal().mean()),
            "score_mean": float(scores.mean()),
            "score_sd": float(scores.std()),
        }
        if self.measured:
            found |= {**activity(queries, "query"), **activity(documents, "document")}
        return found


def _flops(blocks: Iterable[Tensor]) -> Tensor:
    return _mean([flops_regulariser(block) for block in blocks])


def _mean(values: Sequence[Tensor]) -> Tensor:
    return values[0] if len(values) == 1 else torch.stack(list(values)).mean()
