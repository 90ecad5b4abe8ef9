"""The optimiser loop of SPLADE training."""

from __future__ import annotations

import contextlib
import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from rescalade.splade.batch import pad
from rescalade.splade.model import SpladeModel
from rescalade.training.batches import micro_batches
from rescalade.training.checkpoint import load_checkpoint, restore_training, save_checkpoint, training_tensors
from rescalade.training.loss import flops_regulariser, info_nce
from rescalade.training.measures import activity, head_norm
from rescalade.training.optimizer import adamw
from rescalade.training.schedule import linear_factor, quadratic_ramp, warmup_steps
from rescalade.training.settings import TrainSettings

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

logger = logging.getLogger(__name__)
Row = dict[str, float]
Progress = Callable[[int, int, Row], None]


@dataclass(frozen=True)
class TokenisedTriples:
    """Token numbers of the training triples, as rows into shared lists.

    queries, documents: token numbers of each distinct text.
    triples: one (query, positive, negative) of row numbers per training example.
    """

    queries: Sequence[list[int]]
    documents: Sequence[list[int]]
    triples: Sequence[tuple[int, int, int]]


def optimiser_steps(settings: TrainSettings, triples: int) -> int:
    """Optimiser steps of a run: max_steps, or epochs times the whole micro-batches of an epoch."""
    if settings.max_steps is not None:
        return settings.max_steps
    per_epoch = max(1, triples // settings.batch_size)
    return max(1, math.ceil(per_epoch * settings.epochs / settings.accumulation))


def train(
    model: SpladeModel,
    tokenizer: PreTrainedTokenizerBase,
    data: TokenisedTriples,
    settings: TrainSettings,
    seed: int,
    checkpoints: Path,
    progress: Progress | None = None,
) -> list[Row]:
    """Train in place and return one history row per optimiser step.

    Each row holds the loss and its parts, both lambdas, learning rate, gradient norm before clipping,
    active terms, mean row norm of W, mean scores, texts that are empty and the seconds spent.
    Non-finite losses are kept as they are: a step whose gradient norm is not finite is skipped by the
    optimiser and counted in `skipped`.
    """
    steps = optimiser_steps(settings, len(data.triples))
    optimizer = adamw(
        model,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        betas=(settings.beta1, settings.beta2),
        epsilon=settings.epsilon,
    )
    history: list[Row] = []
    saved = load_checkpoint(checkpoints)
    if saved is not None:
        restore_training(model, optimizer, saved[0])
        history = saved[1]["history"]
        logger.info("resumed after step %d of %d", len(history), steps)
    batches = micro_batches(len(data.triples), settings.batch_size, seed)
    for _ in range(len(history) * settings.accumulation):
        next(batches)
    model.train()
    for step in range(len(history), steps):
        _set_learning_rate(optimizer, settings, step, steps)
        torch.manual_seed(seed * 1_000_003 + step)  # dropout depends on seed and step, so a resumed run repeats it
        started = time.perf_counter()
        row = _optimiser_step(model, tokenizer, data, settings, optimizer, batches, step, steps)
        row["seconds"] = time.perf_counter() - started
        history.append(row)
        if progress is not None:
            progress(step + 1, steps, row)
        if (step + 1) % settings.checkpoint_every == 0 and step + 1 < steps:
            state: dict[str, Any] = {"history": history}
            save_checkpoint(checkpoints, step + 1, training_tensors(model, optimizer), state)
    model.eval()
    return history


def _optimiser_step(
    model: SpladeModel,
    tokenizer: PreTrainedTokenizerBase,
    data: TokenisedTriples,
    settings: TrainSettings,
    optimizer: torch.optim.Optimizer,
    batches: Any,
    step: int,
    steps: int,
) -> Row:
    ramp = quadratic_ramp(step, math.ceil(settings.ramp_ratio * steps))
    lambdas = (settings.lambda_query * ramp, settings.lambda_document * ramp)
    optimizer.zero_grad()
    rows: list[Row] = []
    for _ in range(settings.accumulation):
        chosen = [data.triples[number] for number in next(batches)]
        loss, row = micro_batch_loss(model, tokenizer, data, chosen, settings, lambdas)
        (loss / settings.accumulation).backward()
        rows.append(row)
    norm = float(torch.nn.utils.clip_grad_norm_(model.parameters(), settings.max_gradient_norm))
    finite = math.isfinite(norm)
    if finite:  # a step on a NaN gradient would destroy every weight at once
        optimizer.step()
    mean = {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}
    return {
        "step": step,
        **mean,
        "lambda_query": lambdas[0],
        "lambda_document": lambdas[1],
        "learning_rate": optimizer.param_groups[0]["lr"],
        "gradient_norm": norm,
        "skipped": 0.0 if finite else 1.0,
        "row_norm": head_norm(model.head.weight),
    }


def micro_batch_loss(
    model: SpladeModel,
    tokenizer: PreTrainedTokenizerBase,
    data: TokenisedTriples,
    triples: Sequence[tuple[int, int, int]],
    settings: TrainSettings,
    lambdas: tuple[float, float],
) -> tuple[Tensor, Row]:
    """Loss of one logical micro-batch and its measures, the parts unweighted.

    Positives and negatives are encoded together, and FLOPS of documents is their common mean, as in
    sentence-transformers' SpladeLoss.
    """
    queries = _encode(model, tokenizer, [data.queries[q] for q, _, _ in triples], settings)
    texts = [data.documents[p] for _, p, _ in triples] + [data.documents[n] for _, _, n in triples]
    documents = _encode(model, tokenizer, texts, settings)
    ranking, scores = info_nce(queries, documents, settings.temperature)
    flops_query, flops_document = flops_regulariser(queries), flops_regulariser(documents)
    loss = ranking + lambdas[0] * flops_query + lambdas[1] * flops_document
    positive = scores.detach().diagonal()
    row = {
        "loss": float(loss.detach()),
        "ranking_loss": float(ranking.detach()),
        "flops_query": float(flops_query.detach()),
        "flops_document": float(flops_document.detach()),
        "score_positive": float(positive.mean()),
        "score_mean": float(scores.detach().mean()),
        "score_sd": float(scores.detach().std()),
        **activity(queries.detach(), "query"),
        **activity(documents.detach(), "document"),
    }
    return loss, row


def _encode(
    model: SpladeModel, tokenizer: PreTrainedTokenizerBase, rows: list[list[int]], settings: TrainSettings
) -> Tensor:
    batch = pad(tokenizer, rows, settings.pool_special_tokens).to(model.device)
    half = settings.precision == "bf16"
    context = torch.autocast(model.device.type, torch.bfloat16) if half else contextlib.nullcontext()
    with context:
        weights: Tensor = model(batch.input_ids, batch.attention_mask, batch.pooled)
    return weights


def _set_learning_rate(optimizer: torch.optim.Optimizer, settings: TrainSettings, step: int, steps: int) -> None:
    factor = linear_factor(step, steps, warmup_steps(steps, settings.warmup_ratio))
    for group in optimizer.param_groups:
        group["lr"] = settings.learning_rate * factor
