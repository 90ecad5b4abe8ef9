"""outcome.json: how a training run ended. Its presence says that the run is whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from rescalade.stored import Stored
from rescalade.variants import Mode

VerdictName = Literal["trained", "dead", "saturated", "degenerate", "flat", "non-finite"]
"""How a run ended, by the definitions of docs/collapse.md."""


class Outcome(Stored):
    """How one training run ended. A collapsed run has one too: collapse is a result.

    scale: the k that was used, a rule's choice included. steps: optimiser steps that were taken. triples: rows that
    training was given; examples: what they came to. counts: what was left out or cut, by reason. verdict, since_step,
    causes: see `rescalade.objective.collapse.judge`. definitions: their version. first_loss: of the first step.
    last_loss: mean of the last 1 % of the steps, of one at least. Both are NaN or infinite where a step's was.
    skipped_steps: left out because of a gradient that is not finite. nonfinite_losses: micro-batches.
    nonfinite_weights: of the model at the end. stopped_at: step at which `stop_on_collapse` ended it.
    row_norm_before, row_norm_after: mean L2 norm of the rows of W as training found them, and trained; found, they are
    divided by k where the mode divides W itself. seconds: wall time of the steps, of all processes that worked on the
    run one after another.
    """

    schema_version: int = 2
    run: str
    recipe: str
    backbone: str
    variant: str
    scale: float
    mode: Mode
    bias: bool
    seed: int
    steps: int
    triples: int
    examples: int
    counts: Mapping[str, int]
    verdict: VerdictName
    definitions: int
    since_step: int | None
    causes: tuple[str, ...]
    first_loss: float
    last_loss: float
    skipped_steps: int
    nonfinite_losses: int
    nonfinite_weights: int
    stopped_at: int | None
    row_norm_before: float
    row_norm_after: float
    devices: int
    seconds: float
