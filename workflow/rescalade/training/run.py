"""A run: from a rescaled model and triples to a SPLADE model with history and outcome."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import torch
from torch import nn

from rescalade.errors import UserError
from rescalade.models.load import check_lengths, check_vocabulary, load_tokenizer
from rescalade.models.lora import add_adapters
from rescalade.models.reading import check_reading
from rescalade.models.sparse_encoder_files import save_sparse_encoder
from rescalade.models.splade_config import as_trained
from rescalade.objective.collapse import VERSION, judge
from rescalade.objective.measures import Row, head_norm
from rescalade.outcome import Outcome
from rescalade.progress import Progress
from rescalade.rescaling.multiplier import bake
from rescalade.rescaling.save import check_saved, merge_verified
from rescalade.rescaling.sidecar import FILE, Rescaled, load_rescaled
from rescalade.runs import Run
from rescalade.splade.model import SpladeModel
from rescalade.texts.tokens import tokenizer_digest
from rescalade.training.build_examples import TokensKept, build_examples
from rescalade.training.card import trained_card
from rescalade.training.process_group import ProcessGroup
from rescalade.training.room import check_stored, frozen_type
from rescalade.training.settings import TrainSettings
from rescalade.training.train import train

LAST_STEPS = 0.01
"""Share of the steps whose mean is the loss at the end: single steps lie a tenth and more apart."""


def train_run(
    run: Run,
    model_folder: Path,
    collection: Path,
    triples: pa.Table,
    settings: TrainSettings,
    *,
    checkpoints: Path,
    output: Path,
    device: str,
    progress: Progress | None,
    group: ProcessGroup | None = None,
    tensorboard: Path | None = None,
    tokens: Path | None = None,
) -> tuple[list[Row], Outcome]:
    """Train one run and save its last state, as a SparseEncoder folder where that can hold it, with README.md.

    Args:
        collection: folder of the data set that the triples belong to.
        output: where the model goes; written by the first process of `group` only.
        tokens: folder of token numbers that are kept for other runs.

    Returns:
        (history, outcome); the outcome holds the collapse verdict. A collapsed run is a result, not an error.

    Raises:
        UserError: model, tokenizer and data do not fit together; the model has weights that are not finite.
    """
    check_stored(model_folder, torch.device(device), settings.lora)
    masked_lm = load_rescaled(model_folder, frozen_type(settings.lora), device)
    rescaled = Rescaled.read_or_none(model_folder / FILE)
    scale = rescaled.scale if rescaled else run.variant.scale
    settings = settings.at_scale(scale)
    tokenizer = load_tokenizer(model_folder)
    check_vocabulary(masked_lm, tokenizer, model_folder)
    how = as_trained(
        settings, settings.precision, run.variant.reading, masked_lm.config.model_type, settings.activation
    )
    check_reading(masked_lm, how.reading, model_folder)
    check_lengths(masked_lm, model_folder, how)
    if broken := _broken(masked_lm):
        raise UserError(f"model {model_folder}: {broken} of its weights are not finite; make it again")
    if settings.lora is not None:
        add_adapters(masked_lm, settings.lora, run.seed)
    model = SpladeModel(masked_lm).to(device)
    before = head_norm(model.head.weight)
    kept = None if tokens is None else TokensKept(tokens, tokenizer_digest(model_folder))
    examples = build_examples(collection, triples, tokenizer, settings, how, run.seed, kept)
    group = group or ProcessGroup()
    trained = train(
        model,
        tokenizer,
        examples,
        settings,
        run.seed,
        checkpoints,
        progress,
        group=group,
        tensorboard=tensorboard,
        reading=how.reading,
    )
    history = trained.history
    model.restore_decoder()
    merge_verified(masked_lm)
    bake(masked_lm)  # a division at run time goes into the weights, which is all that files can hold
    refusal = None
    broken, after = _broken(masked_lm), head_norm(model.head.weight)
    if group.first:
        refusal = save_sparse_encoder(masked_lm.cpu(), tokenizer, how, output)
        if settings.lora is not None:
            check_saved(masked_lm, output, spent=True)
    verdict = judge(history, model.head.weight.shape[0], trained.candidates, broken_weights=broken)
    outcome = Outcome(
        run=run.folder,
        recipe=run.recipe,
        backbone=run.backbone,
        variant=run.variant.name,
        scale=scale,
        mode=run.variant.mode,
        bias=run.variant.bias,
        seed=run.seed,
        steps=len(history),
        triples=len(triples),
        examples=len(examples),
        counts=examples.counts,
        verdict=verdict.name,
        definitions=VERSION,
        since_step=verdict.since_step,
        causes=verdict.causes,
        first_loss=history[0]["loss"],
        last_loss=last_loss(history),
        skipped_steps=int(sum(row["skipped"] for row in history)),
        nonfinite_losses=int(sum(row["nonfinite_losses"] for row in history)),
        nonfinite_weights=broken,
        stopped_at=trained.stopped_at,
        row_norm_before=before,
        row_norm_after=after,
        devices=group.devices,
        seconds=sum(row["seconds"] for row in history),
    )
    if group.first:
        (output / "README.md").write_text(trained_card(outcome, how, refusal), encoding="utf-8")
    return history, outcome


def last_loss(history: Sequence[Row]) -> float:
    """Mean total loss of the last 1 % of the steps, of one at least; NaN or infinite where one of them is."""
    last = history[-math.ceil(LAST_STEPS * len(history)) :]
    return sum(row["loss"] for row in last) / len(last)


def _broken(model: nn.Module) -> int:
    """Number of weights that are not finite."""
    return sum(int((~parameter.isfinite()).sum()) for parameter in model.parameters())
