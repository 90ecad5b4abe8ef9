"""The stage `adapt`."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import torch

from rescalade.adaptation.adapt import adapt, optimiser
from rescalade.adaptation.history import write_history
from rescalade.adaptation.packing import PackedPassages
from rescalade.adaptation.settings import AdaptationSettings, AdaptSettings
from rescalade.atomic import atomic_folder, sha256
from rescalade.errors import UserError
from rescalade.models.load import check_vocabulary, load_lm, load_tokenizer, longest_text
from rescalade.models.locate import family_of
from rescalade.models.lora import add_adapters
from rescalade.models.model_files import model_files
from rescalade.models.recompute import keep_layers, recompute_layers
from rescalade.objective.measures import Row
from rescalade.progress import Progress, Reporter
from rescalade.rescaling.save import merge_verified, save_verified
from rescalade.splade.model import SpladeModel
from rescalade.stage import Call, Files
from rescalade.training.checkpoint import load_checkpoint, restore_training
from rescalade.training.process_group import ProcessGroup, join_process_group, leave_process_group
from rescalade.training.room import check_states, check_stored, frozen_type

logger = logging.getLogger(__name__)


def run_adapt(settings: AdaptationSettings, inputs: Files, outputs: Files, call: Call) -> None:
    """Adapt a backbone, in this process or in each of a group of processes.

    Unfinished work is kept under a key of the settings, the code, the kind of device and the bytes of all inputs.

    Raises:
        UserError: see `adapt_backbone`.
    """
    device = call.machine.device()
    group = join_process_group(device)
    if not group.first:
        logging.disable(logging.WARNING)  # the first process speaks for all
    read = [inputs["model"] / "model.safetensors", inputs["manifest"]]
    for path in read:
        if not path.is_file():
            raise UserError(f"{path} is missing; run the stage that makes it first")
    unfinished = call.unfinished(device, *map(sha256, [*model_files(inputs["model"]), inputs["manifest"]]))

    def work(folder: Path | None, progress: Progress | None) -> None:
        adapt_backbone(
            inputs["model"],
            inputs["corpus"].parent,
            settings,
            checkpoints=unfinished,
            output=folder,
            name=call.names["backbone"],
            device=device,
            progress=progress,
            group=group,
        )

    if not group.first:
        work(None, None)
        leave_process_group()
        return
    with atomic_folder(outputs["model"]) as folder, Reporter(call.title) as progress:
        work(folder, progress)
        call.record(folder / "record.json")
    shutil.rmtree(unfinished, ignore_errors=True)
    leave_process_group()


def adapt_backbone(
    origin: Path,
    collection: Path,
    settings: AdaptSettings,
    *,
    checkpoints: Path,
    output: Path | None,
    name: str,
    device: str,
    progress: Progress | None = None,
    group: ProcessGroup | None = None,
) -> list[Row]:
    """Adapt a model's folder to the passages of a collection and save it, adapters merged, with its history.

    Args:
        output: an existing empty folder; None where another process writes.
        name: of the backbone.

    Returns:
        The history, one row per step.

    Raises:
        UserError: the model is a masked one, has no positions for the sequences, refuses the adapters, does not fit
            the tokenizer or the memory, or does not come back from disk as it was saved.
    """
    group = group or ProcessGroup()
    check_stored(origin, torch.device(device), settings.lora)
    model, tokenizer = load_lm(origin, matrices=frozen_type(settings.lora), device=device), load_tokenizer(origin)
    model_type = str(model.config.model_type)
    if not family_of(model_type).causal:
        raise UserError(
            f"backbone {name}: {model_type} is a masked language model, which predicts no next token; the adaptation "
            "phase is for causal ones: leave it out of `adapted`"
        )
    check_vocabulary(model, tokenizer, origin)
    limit = longest_text(model)
    if limit is not None and settings.length > limit:
        raise UserError(
            f"adaptation.length {settings.length}: backbone {name} has positions for {limit} tokens; set it to {limit} "
            "or less"
        )
    if settings.lora is not None:
        add_adapters(model, settings.lora, settings.seed)
    if settings.gradient_checkpointing:
        recompute_layers(model)
    splade = SpladeModel(model)
    check_states(splade, torch.device(device), settings.lora)
    splade.to(device)
    optimizer, history = optimiser(splade, settings), list[Row]()
    if group.first:
        load_checkpoint(checkpoints, tensors=False)  # removes torn and older ones before the others look
    group.barrier()
    saved, place = load_checkpoint(checkpoints), None
    if saved is not None:
        restore_training(splade, optimizer, saved[0])
        history, place = saved[1]["history"], saved[1]["place"]
        logger.info("resumed after step %d of %d", len(history), settings.steps)
    passages = PackedPassages(collection, tokenizer, settings.length, settings.seed, place)
    adapt(splade, optimizer, passages, settings, history, checkpoints, progress, group)
    if output is not None:
        if settings.gradient_checkpointing:
            keep_layers(model)
        splade.restore_decoder()
        model.cpu()
        merge_verified(model)
        save_verified(model, tokenizer, output, spent=True)
        write_history(output, history)
    return history
