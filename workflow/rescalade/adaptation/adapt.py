"""Adapts a causal language model in place, going on where a killed run left off."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from rescalade.adaptation.loss import adaptation_loss
from rescalade.adaptation.packing import PackedPassages
from rescalade.adaptation.settings import AdaptSettings
from rescalade.errors import UserError
from rescalade.objective.measures import Row
from rescalade.progress import Progress
from rescalade.splade.model import SpladeModel
from rescalade.splade.pooling import operand
from rescalade.training.checkpoint import save_checkpoint, training_tensors
from rescalade.training.optimizer import adamw
from rescalade.training.process_group import ProcessGroup
from rescalade.training.schedule import learning_rate_factor
from rescalade.training.seeds import batch_seed
from rescalade.training.sharding import sum_gradients, sum_over_devices

logger = logging.getLogger(__name__)
MEASURED = ("loss", "next_token_loss", "sparse_loss", "active")


def optimiser(model: SpladeModel, settings: AdaptSettings) -> torch.optim.AdamW:
    """AdamW over what is trainable."""
    return adamw(
        model,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        betas=(0.9, 0.999),
        epsilon=1e-8,
    )


def adapt(
    model: SpladeModel,
    optimizer: torch.optim.Optimizer,
    passages: PackedPassages,
    settings: AdaptSettings,
    history: list[Row],
    checkpoints: Path,
    progress: Progress | None = None,
    group: ProcessGroup | None = None,
) -> None:
    """Train in place what of the model is trainable, and add a row to the history after each step.

    Batch m of a step is that of device m mod D, so the gradient is that of one device. A step whose gradient is not
    finite is skipped.

    Args:
        optimizer, passages, history: as they stood after the last row; the steps that are left follow.
        checkpoints: folder of unfinished state.

    Raises:
        UserError: the batches of a step cannot be dealt out to the devices; the corpus is empty; memory runs out.
    """
    group = group or ProcessGroup()
    if settings.accumulation % group.devices:
        raise UserError(
            f"{group.devices} devices: the {settings.accumulation} batches of a step of adaptation cannot be dealt out "
            "evenly; take a number of devices that divides adaptation.accumulation"
        )
    model.train()
    for step in range(len(history), settings.steps):
        started = time.perf_counter()
        factor = learning_rate_factor(settings.schedule, step, settings.steps, settings.warmup_steps)
        for parameters in optimizer.param_groups:
            parameters["lr"] = settings.learning_rate * factor
        optimizer.zero_grad()
        sums = torch.zeros(len(MEASURED), dtype=torch.float64, device=model.device)
        for number in range(settings.accumulation):
            tokens = torch.from_numpy(passages.take(settings.batch_size))
            if number % group.devices == group.rank:
                torch.manual_seed(batch_seed(settings.seed, step, number))
                with _explained(settings):
                    sums += _backward(model, tokens.to(model.device), settings)
        sum_gradients(model)
        norm = float(torch.nn.utils.clip_grad_norm_(model.parameters(), settings.max_gradient_norm))
        if math.isfinite(norm):  # a step on a NaN gradient would destroy every weight at once
            optimizer.step()
        means = (sum_over_devices(sums) / settings.accumulation).tolist()
        row: Row = {
            "step": step,
            **dict(zip(MEASURED, means, strict=True)),
            "learning_rate": settings.learning_rate * factor,
            "gradient_norm": norm,
            "seconds": time.perf_counter() - started,
        }
        history.append(row)
        if progress is not None:
            progress(step + 1, settings.steps, {name: row[name] for name in MEASURED[:3]})
        if (step + 1) % settings.checkpoint_every == 0 and step + 1 < settings.steps:
            if group.first:
                state = {"history": history, "place": passages.place}
                save_checkpoint(checkpoints, step + 1, training_tensors(model, optimizer), state)
            group.barrier()
    model.eval()


def _backward(model: SpladeModel, tokens: Tensor, settings: AdaptSettings) -> Tensor:
    """Add the gradient of one batch [B, L] over those of the step, and return MEASURED as [4] float64."""
    half = settings.precision == "bf16"
    with torch.autocast(tokens.device.type, torch.bfloat16, enabled=half):
        hidden = model.decoder_inputs(tokens, torch.ones_like(tokens))
    losses = adaptation_loss(
        operand(hidden[:, :-1].flatten(0, 1), half),
        model.head.weight,
        model.head.bias,
        tokens[:, 1:].flatten(),
        sparse_weight=settings.sparse_weight,
        soft_cap=model.head.soft_cap,
    )
    (losses.loss / settings.accumulation).backward()
    return torch.stack([value.detach() for value in losses]).double()


@contextmanager
def _explained(settings: AdaptSettings) -> Iterator[None]:
    """Turn a failed allocation into advice.

    Raises:
        UserError: memory ran out.
    """
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        advice = [f"adaptation.batch_size to {max(1, settings.batch_size // 2)} and accumulation to twice as much"]
        advice += [] if settings.gradient_checkpointing else ["adaptation.gradient_checkpointing to true"]
        first = next(iter(str(error).splitlines()), type(error).__name__)
        raise UserError(f"out of memory while adapting: set {' or '.join(advice)}. What failed: {first}") from None
