"""What a run is going to take, said before it starts: steps, tokens, memory; and what to do where that was too much."""

from __future__ import annotations

import itertools
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch

from rescalade.errors import UserError
from rescalade.splade.model import SpladeModel
from rescalade.training.examples import Examples
from rescalade.training.settings import TrainSettings
from rescalade.training.sharding import Sharding
from rescalade.training.steps import step_batches

logger = logging.getLogger(__name__)
GB = 1e9
WEIGHT_BYTES, GRADIENT_BYTES = 12, 4
"""Per weight: itself and two moments; its gradient. All float32."""
ACTIVATION_BYTES = {"fp32": 72, "bf16": 50}
"""Per token, layer and unit of width, kept for the backward pass of a BERT layer, its attention matrices apart.
Autocast keeps norms and residuals in float32: it saves less than half."""
OUTER_BYTES = 36
"""Per token and unit of width: embeddings, the transform before the decoder, its packed output."""
MATRIX_BYTES = 12
"""Per layer, head, token and token of the same text, where attention keeps its matrices."""
POOLING_BYTES = 18
"""Per (text, term): weight, winner, and the gradients on the way back."""
HEAP = {"cpu": 1.25, "cuda": 1.05}
"""Memory of a process over what its tensors take: allocators keep some of what was freed. `bench/bench_plan.py`
measures all of this on a CPU."""
SIGNS = ("not enough memory", "can't allocate memory", "out of memory")
"""Words of errors that mean it."""


@dataclass(frozen=True)
class Plan:
    """Sizes of a run on each of its devices; memory in bytes, roughly, encoder and pooling at their largest."""

    steps: int
    queries_per_step: int
    devices: int
    drawn: int
    examples: int
    tokens: int
    states: int
    encoder: int
    pooling: int
    available: int

    @property
    def memory(self) -> int:
        """Bytes in all: weights and optimiser, encoder, pooling."""
        return self.states + self.encoder + self.pooling

    def log(self) -> None:
        """Say before the first step what it is going to take: steps, tokens and memory."""
        where = "device" if self.devices == 1 else f"each of {self.devices} devices"
        logger.info(
            f"plan: {self.steps:,} steps of {self.queries_per_step} queries, {self.drawn:,} of {self.examples:,} "
            f"examples, {self.tokens:,} tokens without padding"
        )
        logger.info(
            f"plan: memory of {where} about {self.memory / GB:.2g} GB (weights and AdamW {self.states / GB:.2g}, "
            f"encoder up to {self.encoder / GB:.2g}, pooling {self.pooling / GB:.2g}) of {self.available / GB:.3g} GB"
        )

    @property
    def fits(self) -> bool:
        """Whether the estimate is below what the device has."""
        return self.memory < self.available


def make_plan(
    model: SpladeModel, examples: Examples, settings: TrainSettings, sharding: Sharding, *, seed: int, steps: int
) -> Plan:
    """Count what will be drawn, and estimate memory from the shapes."""
    lengths = [examples.queries.lengths, examples.documents.lengths]
    tokens, drawn = 0, np.zeros(len(examples), dtype=bool)
    for step in itertools.islice(step_batches(len(examples), settings, seed), steps):
        chosen = np.concatenate(step)
        rows = examples.rows[chosen]
        drawn[chosen] = True
        tokens += int(lengths[0][rows[:, 0]].sum() + lengths[1][rows[:, 1:]].sum())
    rows_here = sharding.rows // sharding.parts
    texts_here = rows_here * (2 + examples.negatives)
    texts_at_once = min(settings.encode_rows or texts_here, texts_here)
    vocabulary = model.head.weight.shape[0]
    all_texts = sharding.rows * (2 + examples.negatives) if sharding.parts > 1 else texts_here
    in_pieces = texts_at_once < texts_here
    pooling = POOLING_BYTES * texts_at_once * vocabulary
    # each pass makes a gradient of W, which is then added to what is there of it
    pooling += GRADIENT_BYTES * model.head.weight.numel() * (2 if in_pieces else 1)
    pooling += 8 * texts_here * vocabulary if in_pieces else 0  # all term weights and their gradients
    pooling += 4 * all_texts * vocabulary if sharding.parts > 1 else 0
    longest = [int(length.max(initial=0)) for length in lengths]
    sides = [(rows_here, longest[0]), (rows_here * (1 + examples.negatives), longest[1])]
    if in_pieces:
        sides = [(texts_at_once, max(longest))]
    encoder = _activations(model, settings, sides)
    heap = HEAP.get(model.device.type, 1.0)
    weights = sum(p.numel() for p in model.parameters() if p.requires_grad)
    # gradients come while activations go; those of an earlier pass of the same step are there from the start
    several = in_pieces or sharding.local_batches > 1 or encoder + pooling < GRADIENT_BYTES * weights
    return Plan(
        steps=steps,
        queries_per_step=sharding.rows * sharding.batches,
        devices=sharding.devices,
        drawn=int(drawn.sum()),
        examples=len(examples),
        tokens=tokens,
        states=(WEIGHT_BYTES + (GRADIENT_BYTES if several else 0)) * weights,
        encoder=int(heap * encoder),
        pooling=int(heap * pooling),
        available=_available(model.device),
    )


def _activations(model: SpladeModel, settings: TrainSettings, sides: list[tuple[int, int]]) -> int:
    """Bytes that the encoder keeps for the backward pass of some texts of some length, for each (texts, length)."""
    config = model.masked_lm.config
    layers, width, heads = config.num_hidden_layers, config.hidden_size, config.num_attention_heads
    dropout = getattr(config, "attention_probs_dropout_prob", None) or getattr(config, "attention_dropout", None) or 0.0
    # fused attention keeps no matrices; on a CPU there is none with dropout
    matrices = config._attn_implementation == "eager" or (model.device.type == "cpu" and dropout > 0)
    total = 0
    for texts, length in sides:
        tokens = texts * length
        total += tokens * width * (ACTIVATION_BYTES[settings.precision] * layers + OUTER_BYTES)
        total += MATRIX_BYTES * layers * heads * tokens * length if matrices else 0
    return total


def _available(device: torch.device) -> int:
    """Memory of the device, in bytes."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[1])
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def explained(settings: TrainSettings, plan: Plan, texts: int) -> Iterator[None]:
    """Turn a failed allocation into advice.

    Args:
        settings: those of the run. plan: its estimate. texts: what a device encodes at once without encode_rows.

    Raises:
        UserError: memory ran out.
    """
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        known = isinstance(error, torch.OutOfMemoryError | MemoryError)
        if not known and not any(sign in str(error).lower() for sign in SIGNS):
            raise
        now = min(settings.encode_rows or texts, texts)
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(
            f"out of memory while training ({plan.memory / GB:.2g} GB estimated, the device has "
            f"{plan.available / GB:.3g}): set encode_rows to {max(1, now // 2)} (now {now} texts at once); "
            f"the gradient stays the same. What failed: {first}"
        ) from None
