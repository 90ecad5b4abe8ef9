"""What a run is going to take, said before it starts: steps, tokens, memory."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass

import numpy as np
import torch

from rescalade.splade.model import SpladeModel
from rescalade.training.examples import Examples
from rescalade.training.settings import TrainSettings
from rescalade.training.share import Share
from rescalade.training.steps import step_batches

GB = 1e9
ADAMW_BYTES = 16
"""Per weight: itself, its gradient and two moments, all float32."""
ACTIVATION_BYTES = {"fp32": 68, "bf16": 34}
"""Per token, layer and unit of width, kept for the backward pass of a usual layer without attention matrices
(Korthikanti et al., arXiv 2205.05198, equation 2, less the attention terms)."""
HEAD_BYTES = 16
"""Per (text, term): weight, winner, gradient of the weight, and one array on the way to it."""


@dataclass(frozen=True)
class Plan:
    """Sizes of a run on each of its devices; memory in bytes, roughly, encoder and head at their largest."""

    steps: int
    queries_per_step: int
    devices: int
    drawn: int
    examples: int
    tokens: int
    states: int
    encoder: int
    head: int
    available: int

    @property
    def memory(self) -> int:
        """All of it."""
        return self.states + self.encoder + self.head

    def lines(self) -> list[str]:
        """What a reader wants to know before the start."""
        where = "device" if self.devices == 1 else f"each of {self.devices} devices"
        return [
            f"plan: {self.steps:,} steps of {self.queries_per_step} queries, {self.drawn:,} of {self.examples:,} "
            f"examples, {self.tokens:,} tokens without padding",
            f"plan: memory of {where} about {self.memory / GB:.2g} GB (weights and AdamW {self.states / GB:.2g}, "
            f"encoder up to {self.encoder / GB:.2g}, head {self.head / GB:.2g}) of {self.available / GB:.3g} GB",
        ]

    @property
    def fits(self) -> bool:
        """Whether the estimate is below what the device has."""
        return self.memory < self.available


def make_plan(
    model: SpladeModel, examples: Examples, settings: TrainSettings, share: Share, *, seed: int, steps: int
) -> Plan:
    """Count what will be drawn, and estimate memory from the shapes."""
    lengths = [examples.queries.lengths, examples.documents.lengths]
    tokens, drawn = 0, np.zeros(len(examples), dtype=bool)
    for step in itertools.islice(step_batches(len(examples), settings, seed), steps):
        chosen = np.concatenate(step)
        rows = examples.rows[chosen]
        drawn[chosen] = True
        tokens += int(lengths[0][rows[:, 0]].sum() + lengths[1][rows[:, 1:]].sum())
    rows_here = share.rows // share.parts
    texts_here = rows_here * (2 + examples.negatives)
    texts_at_once = min(settings.encode_rows or texts_here, texts_here)
    longest = [int(length.max(initial=0)) for length in lengths]
    padded = rows_here * longest[0] + rows_here * (1 + examples.negatives) * longest[1]
    padded = min(padded, texts_at_once * max(longest))
    config = model.masked_lm.config
    vocabulary = model.head.weight.shape[0]
    layers, width = (
        int(getattr(config, "num_hidden_layers", 0) or config.n_layers),
        int(getattr(config, "hidden_size", 0) or config.dim),
    )
    all_texts = share.rows * (2 + examples.negatives) if share.parts > 1 else texts_here
    cached = 0 if texts_at_once == texts_here else 8 * texts_here * vocabulary
    return Plan(
        steps=steps,
        queries_per_step=share.rows * share.batches,
        devices=share.devices,
        drawn=int(drawn.sum()),
        examples=len(examples),
        tokens=tokens,
        states=ADAMW_BYTES * sum(p.numel() for p in model.parameters() if p.requires_grad),
        encoder=ACTIVATION_BYTES[settings.precision] * padded * layers * width,
        head=HEAD_BYTES * texts_at_once * vocabulary + cached + (4 * all_texts * vocabulary if share.parts > 1 else 0),
        available=_available(model.device),
    )


def _available(device: torch.device) -> int:
    """Memory of the device, in bytes."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[1])
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
