"""What a run is going to take, said before it starts: steps, tokens, memory; and what to do where that was too much."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch

from rescalade.errors import UserError
from rescalade.models.lora import adapted_layers
from rescalade.models.room import GB, capacity
from rescalade.splade.model import SpladeModel
from rescalade.training.examples import Examples
from rescalade.training.memory import Share, Sizes, memory_of
from rescalade.training.room import refuse_above
from rescalade.training.settings import TrainSettings
from rescalade.training.sharding import Sharding
from rescalade.training.steps import step_batches

logger = logging.getLogger(__name__)
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

    def check(self, settings: TrainSettings) -> None:
        """Refuse a run whose weights alone are too large; the rest is an estimate, and a warning.

        Raises:
            UserError: weights and optimiser, of which no setting of the batch takes anything away, do not fit.
        """
        refuse_above(self.states, self.available, settings.lora)
        if not self.fits:
            more = "" if settings.gradient_checkpointing else ", and so does gradient_checkpointing"
            logger.warning(
                f"the estimate is above what the device has; a lower encode_rows keeps the gradient as it is{more}"
            )


def make_plan(
    model: SpladeModel,
    examples: Examples,
    settings: TrainSettings,
    sharding: Sharding,
    *,
    seed: int,
    steps: int,
    copies: int = 1,
) -> Plan:
    """Count what will be drawn, and estimate memory from the shapes.

    Args:
        copies: of a text that the model reads one after another: two where it is echoed.
    """
    lengths = [examples.queries.lengths, examples.documents.lengths]
    tokens, drawn = 0, np.zeros(len(examples), dtype=bool)
    for step in itertools.islice(step_batches(len(examples), settings, seed), steps):
        chosen = np.concatenate(step)
        rows = examples.rows[chosen]
        drawn[chosen] = True
        tokens += int(lengths[0][rows[:, 0]].sum() + lengths[1][rows[:, 1:]].sum())
    memory = memory_of(
        sizes_of(model, settings),
        settings,
        Share(
            rows=sharding.rows // sharding.parts,
            parts=sharding.parts,
            negatives=examples.negatives,
            batches=sharding.local_batches,
            query=copies * int(lengths[0].max(initial=0)),
            document=copies * int(lengths[1].max(initial=0)),
        ),
        heap=HEAP.get(model.device.type, 1.0),
        cast=_cast(model, settings),
    )
    return Plan(
        steps=steps,
        queries_per_step=sharding.rows * sharding.batches,
        devices=sharding.devices,
        drawn=int(drawn.sum()),
        examples=len(examples),
        tokens=copies * tokens,
        states=memory.states,
        encoder=memory.encoder,
        pooling=memory.pooling,
        available=capacity(model.device),
    )


def sizes_of(model: SpladeModel, settings: TrainSettings) -> Sizes:
    """What memory depends on of a loaded model, with its adapters in it."""
    config = model.masked_lm.config
    heads, width = config.num_attention_heads, config.hidden_size
    dropout = getattr(config, "attention_probs_dropout_prob", None) or getattr(config, "attention_dropout", None) or 0.0
    layers = list(adapted_layers(model).values())
    read = sum(layer.in_features for layer in layers) // config.num_hidden_layers
    return Sizes(
        layers=config.num_hidden_layers,
        width=width,
        inner=getattr(config, "intermediate_size", 4 * width),
        heads=heads,
        keys=getattr(config, "num_key_value_heads", heads) * (getattr(config, "head_dim", None) or width // heads),
        vocabulary=model.head.weight.shape[0],
        trained=sum(p.numel() for p in model.parameters() if p.requires_grad),
        frozen=sum(p.nbytes for p in model.parameters() if not p.requires_grad),
        read=read if settings.lora is not None and settings.lora.dropout else 0,
        gated=model.head.family.causal,
        # fused attention keeps no matrices; on a CPU there is none with dropout
        matrices=config._attn_implementation == "eager" or (model.device.type == "cpu" and dropout > 0),
        thrifty=bool(layers) and model.device.type == "cpu" and settings.precision == "fp32",
    )


def _cast(model: SpladeModel, settings: TrainSettings) -> int:
    """Bytes of a weight in the copy of W that the pooling multiplies with; 0 where it takes W itself."""
    kind = torch.bfloat16 if settings.precision == "bf16" and model.device.type == "cuda" else torch.float32
    return 0 if model.head.weight.dtype == kind else kind.itemsize


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
