"""SparseEncoderTrainer with our batches, our loss, and gradients that do not depend on the number of devices."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from sentence_transformers import SparseEncoder
from sentence_transformers.sparse_encoder import SparseEncoderTrainer, SparseEncoderTrainingArguments
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader
from transformers import PrinterCallback, TrainerCallback

from rescalade.models.splade_config import SpladeConfig
from rescalade.objective.loss import RANKING
from rescalade.objective.measures import Row, head_norm
from rescalade.splade.model import SpladeModel
from rescalade.training.cache import backward
from rescalade.training.examples import SIDES, Examples, collate
from rescalade.training.objective import SpladeObjective
from rescalade.training.optimizer import adamw
from rescalade.training.schedule import learning_rate_factor, ramp_factor
from rescalade.training.seeds import batch_seed
from rescalade.training.settings import TrainSettings
from rescalade.training.sharding import Sharding, sum_gradients, sum_over_devices
from rescalade.training.steps import step_batches

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class SpladeTrainer(SparseEncoderTrainer):
    """Trains steps `first` to `steps` - 1 and makes one row of measures of each.

    The trainer of transformers drives: callbacks, accumulation, optimiser. Data order, learning rate, lambdas and
    dropout are functions of (seed, step), so a run that starts at step `first` from the weights and moments that an
    unbroken one had there goes on exactly like it. Gradients are summed over devices here, once per step, not by
    DistributedDataParallel: its mean over devices and its hooks know neither logical batches nor the gradient cache.

    Attributes:
        row: measures of the step that has just ended; callbacks read it in `on_step_end`.
    """

    def __init__(
        self,
        splade: SpladeModel,
        encoder: SparseEncoder,
        tokenizer: PreTrainedTokenizerBase,
        arguments: SparseEncoderTrainingArguments,
        examples: Examples,
        settings: TrainSettings,
        how: SpladeConfig,
        sharding: Sharding,
        *,
        seed: int,
        first: int,
        steps: int,
        callbacks: list[TrainerCallback],
    ) -> None:
        self.splade, self.examples, self.settings, self.sharding = splade, examples, settings, sharding
        self.seed, self.first, self.steps = seed, first, steps
        self._tokenizer, self._how = tokenizer, how
        self.row: Row = {}
        self.started = time.perf_counter()
        self._fixed_norm = None if splade.head.weight.requires_grad else head_norm(splade.head.weight)
        self.criterion = SpladeObjective(encoder, settings, sharding, min(settings.batch_size, len(examples)))
        self.adamw = adamw(
            encoder,
            learning_rate=settings.learning_rate,
            weight_decay=settings.weight_decay,
            betas=(settings.beta1, settings.beta2),
            epsilon=settings.epsilon,
            apart=splade.head.projection.parts,
            factor=settings.decoder_learning_rate,
        )
        for group in self.adamw.param_groups:
            group["initial_lr"] = group["lr"]
        warmup = settings.warmup_length(steps)
        schedule = LambdaLR(
            self.adamw, lambda step: learning_rate_factor(settings.schedule, step, steps, warmup), last_epoch=first - 1
        )
        super().__init__(
            model=encoder,
            args=arguments,
            loss=self.criterion,
            callbacks=[_StepRow(self), *callbacks],
            optimizers=(self.adamw, schedule),
        )
        self.remove_callback(PrinterCallback)

    # -- data ---------------------------------------------------------------------------------------------------

    def get_train_dataloader(self) -> DataLoader[Any]:
        """This device's batches of the steps to come."""
        return DataLoader(_Numbers(len(self.examples)), batch_sampler=_Batches(self), collate_fn=self._collate)

    def _collate(self, numbers: list[int]) -> dict[str, Tensor]:
        return collate(self._tokenizer, self.examples, numbers, self._how)

    # -- one optimiser step -------------------------------------------------------------------------------------

    def begin_step(self) -> None:
        """Set the lambdas of a step, and whether active terms are counted in it."""
        self.step = self.first + self.state.global_step
        ramp = ramp_factor(self.settings.ramp, self.step, self.settings.ramp_length(self.steps))
        self.lambdas = (self.settings.lambda_query * ramp, self.settings.lambda_document * ramp)
        last = self.step == self.steps - 1
        self.criterion.begin(self.lambdas, measured=last or self.step % self.settings.watch_every == 0)
        self.learning_rate = float(self.adamw.param_groups[0]["lr"])

    def training_step(self, model: nn.Module, inputs: dict[str, Any], num_items_in_batch: Any = None) -> Tensor:
        """Backward of one logical batch, or of this device's part of it."""
        self.model.train()
        lengths = {f"tokens_{side}": float(inputs[f"{side}_attention_mask"].sum(1).float().mean()) for side in SIDES}
        features, labels = self.collect_features(self._prepare_inputs(inputs))
        number, part = self.sharding.number(len(self.criterion.rows)), self.sharding.part
        loss = backward(
            self.criterion,
            features,
            labels,
            scale=1 / self.sharding.batches,
            encode_rows=self.settings.encode_rows,
            seed=batch_seed(self.seed, self.step, number, part),
        )
        self.criterion.rows[-1] |= lengths
        return loss

    def _clip_grad_norm(self, model: nn.Module) -> Tensor:
        """Sum gradients over devices and clip them; a non-finite gradient is dropped, so that no weight moves."""
        sum_gradients(self.splade)
        norm = torch.nn.utils.clip_grad_norm_(self.splade.parameters(), self.settings.max_gradient_norm)
        self.gradient_norm = float(norm)
        if not math.isfinite(self.gradient_norm):  # a step on a NaN gradient would destroy every weight at once
            self.splade.zero_grad(set_to_none=True)
        return norm

    def end_step(self) -> None:
        """Make the row of the step: means over its logical batches, on whichever device they were."""
        names = list(self.criterion.rows[0])
        sums = [sum(row[name] for row in self.criterion.rows) for name in names]
        broken = sum(not math.isfinite(row["loss"]) for row in self.criterion.rows)
        total = torch.tensor([*sums, broken], dtype=torch.float64, device=self.args.device)
        parts = sum_over_devices(total) if self.sharding.devices > 1 else total
        *means, broken_batches = (parts / self.sharding.parts).tolist()
        finite = math.isfinite(self.gradient_norm)
        now = time.perf_counter()
        self.row = {
            "step": self.step,
            **{name: value / self.sharding.batches for name, value in zip(names, means, strict=True)},
            "lambda_query": self.lambdas[0],
            "lambda_document": self.lambdas[1],
            "learning_rate": self.learning_rate,
            "gradient_norm": self.gradient_norm,
            "skipped": 0.0 if finite else 1.0,
            "nonfinite_losses": broken_batches,
            "row_norm": head_norm(self.splade.head.weight) if self._fixed_norm is None else self._fixed_norm,
            "seconds": now - self.started,
        }
        self.started = now

    # -- what the trainer would do by itself --------------------------------------------------------------------

    def _wrap_model(self, model: nn.Module, *_: Any, **__: Any) -> nn.Module:
        """Wrap without DistributedDataParallel, which accelerate adds to a model that it does not find wrapped."""
        return model if isinstance(model, _Plain) else _Plain(model)

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Add no model card: the pipeline writes its own records."""

    def floating_point_ops(self, inputs: dict[str, Any]) -> int:
        """0: operations are not counted."""
        return 0

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log nothing: the rows of the steps are the log."""


def training_arguments(
    settings: TrainSettings, folder: Path, *, steps: int, accumulation: int, device: str, seed: int
) -> SparseEncoderTrainingArguments:
    """What the trainer is told for one run; everything that it could decide otherwise is switched off.

    Last state, never the best; no filter on non-finite losses; no logging, checkpoints, progress or reports of the
    trainer's own; precision, clipping and schedule are ours and therefore not set here.

    Args:
        folder: the trainer wants one; nothing is written to it.
        steps: optimiser steps to take. accumulation: batches of this device per step.
    """
    return SparseEncoderTrainingArguments(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=settings.batch_size,
        gradient_accumulation_steps=accumulation,
        learning_rate=settings.learning_rate,
        max_grad_norm=settings.max_gradient_norm,
        seed=seed % 2**32,
        use_cpu=device == "cpu",
        eval_strategy="no",
        save_strategy="no",
        logging_strategy="no",
        logging_nan_inf_filter=False,
        load_best_model_at_end=False,
        report_to="none",
        disable_tqdm=True,
        dataloader_drop_last=True,
        dataloader_num_workers=0,
        dataloader_pin_memory=False,
        remove_unused_columns=False,
    )


class _Plain(nn.Module):
    """The model in a wrapper: another identity, by which accelerate leaves it alone."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, features: dict[str, Any]) -> Any:
        return self.module(features)


class _Numbers(torch.utils.data.Dataset[int]):
    """Example numbers; the texts behind them are looked up when a batch is made."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: int) -> int:
        return number


class _Batches:
    """Example numbers of this device's batches, step after step."""

    def __init__(self, trainer: SpladeTrainer) -> None:
        self._trainer = trainer

    def __len__(self) -> int:
        return (self._trainer.steps - self._trainer.first) * self._trainer.sharding.local_batches

    def __iter__(self) -> Iterator[list[int]]:
        run, sharding = self._trainer, self._trainer.sharding
        batches = step_batches(len(run.examples), run.settings, run.seed, run.first)
        for _ in range(run.first, run.steps):
            step = next(batches)
            if RANKING[run.settings.loss].gathers:
                whole = [[int(number) for batch in step for number in batch]]
            else:
                whole = [batch.tolist() for batch in step]
            for local in range(sharding.local_batches):
                chosen = whole[sharding.number(local)]
                yield chosen[sharding.own(len(chosen))]


class _StepRow(TrainerCallback):
    """Opens and closes each step; first of the callbacks, so that the others find the row."""

    def __init__(self, trainer: SpladeTrainer) -> None:
        self._trainer = trainer

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self._trainer.started = time.perf_counter()

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        self._trainer.begin_step()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self._trainer.end_step()
