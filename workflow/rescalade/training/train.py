"""Trains a SPLADE model in place, going on where a killed run left off."""

from __future__ import annotations

import copy
import gc
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rescalade.errors import UserError
from rescalade.models.recompute import keep_layers, recompute_layers
from rescalade.models.splade_config import as_trained
from rescalade.objective.loss import RANKING
from rescalade.objective.measures import Row
from rescalade.progress import Progress
from rescalade.rescaling.multiplier import learn
from rescalade.splade.backends.choose import choose
from rescalade.splade.model import SpladeModel
from rescalade.training.callback import TrainingCallback
from rescalade.training.checkpoint import restore_training, restore_weights
from rescalade.training.examples import Examples
from rescalade.training.forecast import explained, make_plan
from rescalade.training.process_group import ProcessGroup
from rescalade.training.resume import resume
from rescalade.training.schedule import learning_rate_factor
from rescalade.training.settings import TrainSettings
from rescalade.training.sharding import Sharding
from rescalade.training.steps import optimiser_steps
from rescalade.variants import Reading

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trained:
    """What a training run leaves besides its weights.

    history: one row per optimiser step. candidates: documents in a query's softmax, None where the loss has none.
    stopped_at: the step after which a lasting collapse ended it, or None.
    """

    history: list[Row]
    candidates: int | None
    stopped_at: int | None = None


def train(
    model: SpladeModel,
    tokenizer: PreTrainedTokenizerBase,
    examples: Examples,
    settings: TrainSettings,
    seed: int,
    checkpoints: Path,
    progress: Progress | None = None,
    *,
    group: ProcessGroup | None = None,
    tensorboard: Path | None = None,
    reading: Reading = "causal",
) -> Trained:
    """Train in place what of the model is trainable: all of it, or the adapters that are in it.

    Each history row holds the loss and its parts, both lambdas, learning rate, gradient norm before clipping,
    active terms, texts that are empty, tokens of a text, mean row norm of W, mean scores and the seconds spent.
    Non-finite losses are kept as they are: a step whose gradient norm is not finite is skipped by the
    optimiser and counted in `skipped`.

    Args:
        checkpoints: folder of this run's unfinished state; training goes on from a whole checkpoint in it.
        group: the devices that train together; one where None.
        tensorboard: folder for TensorBoard's events, where the settings ask for them.

        reading: of a causal language model.

    Raises:
        UserError: the pooling's back end is not for this device; the learning rate is 0 in every step, or one of its
            own is for a projection that is tied; a multiplier is to be trained and there is none; the devices cannot
            share a step; a checkpoint is of other settings; layers cannot be recomputed; memory runs out.
        Interrupted: SIGTERM; the state has been saved.
    """
    # the trainer takes seconds to import: what only looks at settings or data must not wait for it
    from rescalade.splade.modules import sparse_encoder
    from rescalade.training.trainer import SpladeTrainer, training_arguments

    model.activation = settings.activation
    choose(settings.head_backend, model.head.weight, model.head.weight)  # refused now rather than in the first step
    group = group or ProcessGroup()
    steps = optimiser_steps(settings, len(examples))
    _check_rate(settings, steps)
    _check_decoder(settings, model)
    sharding = _sharding(settings, len(examples), group)
    how = as_trained(settings, settings.precision, reading, model.masked_lm.config.model_type)
    factor = learn(model.head) if settings.train_multiplier else None
    if settings.gradient_checkpointing:
        recompute_layers(model.masked_lm)
    encoder = sparse_encoder(
        model,
        tokenizer,
        layout=how.layout(queries=False),
        precision=settings.precision,
        head_backend=settings.head_backend,
    )
    saved = resume(checkpoints, settings, seed, group)
    tensors, history = saved if saved else ({}, [])
    if history:
        logger.info("resumed after step %d of %d", len(history), steps)
    copies = 2 if reading == "echo" else 1
    plan = make_plan(model, examples, settings, sharding, seed=seed, steps=steps, copies=copies)
    plan.log()
    plan.check(settings)
    count = RANKING[settings.loss].candidates
    candidates = None if count is None else count(sharding.rows, examples.negatives)
    callback = TrainingCallback(history, settings, seed, candidates, checkpoints, group, progress, tensorboard)
    if len(history) < steps:
        config = copy.deepcopy(model.masked_lm.config)
        trainer = SpladeTrainer(
            model,
            encoder,
            tokenizer,
            training_arguments(
                settings,
                checkpoints,
                steps=steps - len(history),
                accumulation=sharding.local_batches,
                device=model.device.type,
                seed=seed,
            ),
            examples,
            settings,
            how,
            sharding,
            seed=seed,
            first=len(history),
            steps=steps,
            callbacks=[callback],
        )
        if saved:
            restore_training(model, trainer.adamw, tensors)
        callback.attach(trainer)
        gc.freeze()  # the trainer collects garbage as it begins: not among the million objects of imported libraries
        with callback, explained(settings, plan, sharding.rows // sharding.parts * (2 + examples.negatives)):
            trainer.train()
        model.masked_lm.config = config  # the trainer writes its own wishes into it
    elif saved:
        restore_weights(model, tensors)  # all that a run needs which was saved after its last step
    if settings.gradient_checkpointing:
        keep_layers(model.masked_lm)
    model.eval()
    if factor is not None:
        logger.info("multiplier of the logits: %.6g after %d steps", float(factor.detach()), len(callback.history))
    return Trained(callback.history, candidates, callback.stopped_at)


def _check_rate(settings: TrainSettings, steps: int) -> None:
    """Refuse a run that could not move a weight: one step of warm-up is a step of rate 0."""
    warmup = settings.warmup_length(steps)
    if not any(learning_rate_factor(settings.schedule, step, steps, warmup) for step in range(steps)):
        raise UserError(
            f"the learning rate is 0 in every step (steps: {steps}, of warm-up: {warmup}), so nothing would be "
            "trained; set warmup_steps to 0, or take more steps"
        )
    if warmup >= steps:
        logger.warning("warm-up takes %d steps of %d: the learning rate does not reach its peak", warmup, steps)


def _check_decoder(settings: TrainSettings, model: SpladeModel) -> None:
    """Refuse a learning rate of its own for a projection that is no matrix of its own."""
    if settings.decoder_learning_rate != 1 and model.head.tied:
        raise UserError(
            f"decoder_learning_rate {settings.decoder_learning_rate:g}: the output projection of this "
            f"{model.head.model_type} model is its input embedding as well (tied), and both have one learning rate; "
            "take the mode `untied`, or leave the setting out"
        )


def _sharding(settings: TrainSettings, examples: int, group: ProcessGroup) -> Sharding:
    """Logical batches of a step: the micro-batches, or all of them as one where documents are gathered."""
    rows = min(settings.batch_size, examples)
    if RANKING[settings.loss].gathers:
        return Sharding(1, rows * settings.accumulation, group.devices, group.rank)
    return Sharding(settings.accumulation, rows, group.devices, group.rank)
