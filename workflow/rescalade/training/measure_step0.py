"""The ranking loss of a model that has not been trained, on the micro-batches that training would draw."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from rescalade.models.splade_config import as_trained
from rescalade.objective.loss import RANKING
from rescalade.progress import Progress
from rescalade.splade.model import SpladeModel
from rescalade.splade.packed_inputs import packed_inputs
from rescalade.training.cache import forward
from rescalade.training.examples import SIDES, Examples, collate
from rescalade.training.objective import SpladeObjective
from rescalade.training.seeds import batch_seed
from rescalade.training.settings import TrainSettings
from rescalade.training.sharding import Sharding
from rescalade.training.step0_settings import MICRO_BATCHES
from rescalade.training.steps import step_batches
from rescalade.variants import Reading

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

FEATURES = ("input_ids", "attention_mask", "pooled")


def step0_losses(
    model: SpladeModel,
    tokenizer: PreTrainedTokenizerBase,
    examples: Examples,
    settings: TrainSettings,
    seed: int,
    progress: Progress,
    reading: Reading = "causal",
) -> list[float]:
    """Ranking loss of each micro-batch, both lambdas 0, without a gradient; the weights stay as they are.

    The model is put into training mode. Micro-batches, dropout and precision are those that a run of this seed would
    have, so the mean over the first `accumulation` of them is the ranking loss of its first step. Adapters are left
    out: B is 0 at first, so they add nothing to any layer, whatever dropout does to what they read; frozen weights in
    bf16 are rounded on top, which is not done here. At most MICRO_BATCHES, and no more than an epoch has, so that no
    example counts twice. Where the loss gathers documents over a step, a micro-batch is the whole step.
    """
    rows, whole = min(settings.batch_size, len(examples)), logical_queries(settings, len(examples))
    count = min(MICRO_BATCHES, max(1, len(examples) // whole))
    how = as_trained(settings, settings.precision, reading, model.masked_lm.config.model_type)
    objective = SpladeObjective(_Encoder(model, settings), settings, Sharding(1, whole), rows)
    model.activation = settings.activation
    model.train()
    losses: list[float] = []
    for step, number, batch in itertools.islice(_batches(examples, settings, seed), count):
        collated = collate(tokenizer, examples, batch, how)
        held = {name: value.to(model.device) for name, value in collated.items()}
        features = [{name: held[f"{side}_{name}"] for name in FEATURES} for side in SIDES]
        objective.begin((0.0, 0.0), measured=False)
        own_seed = batch_seed(seed, step, number)
        forward(objective, features, held.get("label"), encode_rows=settings.encode_rows, seed=own_seed)
        losses.append(objective.rows[0]["ranking_loss"])
        progress(len(losses), count, {"loss": losses[-1]})
    return losses


def logical_queries(settings: TrainSettings, examples: int) -> int:
    """Queries of a logical batch: of a micro-batch, or of a whole step where the loss gathers documents over it."""
    rows = min(settings.batch_size, examples)
    return rows * settings.accumulation if RANKING[settings.loss].gathers else rows


def _batches(examples: Examples, settings: TrainSettings, seed: int) -> Iterator[tuple[int, int, list[int]]]:
    """(step, number within it, example numbers) of the logical batches of a run on one device, without end."""
    for step, batches in enumerate(step_batches(len(examples), settings, seed)):
        if RANKING[settings.loss].gathers:
            yield step, 0, [int(number) for batch in batches for number in batch]
        else:
            for number, batch in enumerate(batches):
                yield step, number, batch.tolist()


class _Encoder(nn.Module):
    """Features to `sentence_embedding`, as the SparseEncoder of training does, which takes seconds to import."""

    def __init__(self, splade: SpladeModel, settings: TrainSettings) -> None:
        super().__init__()
        self._splade, self._settings = splade, settings

    def forward(self, features: dict[str, Any]) -> dict[str, Tensor]:
        packed, offsets = packed_inputs(self._splade, features, half=self._settings.precision == "bf16")
        return {"sentence_embedding": self._splade.pool(packed, offsets, self._settings.head_backend)}


def mean_and_error(losses: list[float]) -> tuple[float, float | None]:
    """Mean and its standard error, sd (n - 1) over the root of n; the error is None for one value."""
    values = torch.tensor(losses, dtype=torch.float64)
    return float(values.mean()), float(values.std() / len(values) ** 0.5) if len(values) > 1 else None
