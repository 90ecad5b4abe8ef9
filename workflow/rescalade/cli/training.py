"""The command that trains a run."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import typer

from rescalade.atomic import atomic_folder, sha256
from rescalade.cli.context import Context, stage_command
from rescalade.history import HISTORY, write_history
from rescalade.outcome import OUTCOME, Outcome
from rescalade.pipeline.records import Recorder
from rescalade.pipeline.stages import parse_run
from rescalade.progress import Reporter


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(stage_command(train))


def train(
    context: Context,
    run: str = typer.Argument(help="RECIPE/BACKBONE/VARIANT/seedN"),
    devices: int = typer.Option(1, "--devices", min=1, help="Devices that train together: GPUs, or CPU processes."),
) -> None:
    """Train one run from its rescaled backbone; torchrun and accelerate may start it on several devices too."""
    from rescalade.texts.triple_files import read_triples
    from rescalade.training.launch import launch, launched
    from rescalade.training.process_group import join_process_group, leave_process_group
    from rescalade.training.run import train_run

    chosen = parse_run(run)
    settings_text = context.settings("train", run=run)
    device = context.device()
    if devices > 1 and not launched():
        launch(devices, device)
    origin = context.paths.rescaled(chosen.backbone, chosen.variant.name, chosen.recipe)
    data = context.paths.dataset(context.config.experiment.train_on)
    mined = data / f"triples-{chosen.recipe}.parquet"
    inputs = [origin / "model.safetensors", data / "corpus.parquet", data / "queries.parquet", mined]
    recorder = Recorder("train", settings_text, inputs)
    folder = context.paths.run(chosen)
    group = join_process_group(device)
    if not group.first:
        logging.disable(logging.WARNING)  # the first process speaks for all
    unfinished = context.checkpoints("train", settings_text, device, *(sha256(path) for path in inputs))
    board = context.paths.results / "logs" / "tensorboard" / chosen.folder

    def work(model: Path, progress: Reporter | None) -> tuple[list[dict[str, float]], Outcome]:
        return train_run(
            chosen,
            origin,
            data,
            read_triples(mined),
            context.config.train_settings(chosen.backbone, context.config.experiment_of(chosen.recipe)),
            checkpoints=unfinished,
            output=model,
            device=device,
            progress=progress,
            group=group,
            tensorboard=board,
        )

    if not group.first:
        work(folder / "model", None)
        leave_process_group()
        return
    (folder / OUTCOME).unlink(missing_ok=True)  # it is written last and says that the run is whole
    with atomic_folder(folder / "model") as model, Reporter(f"train {run}") as progress:
        history, outcome = work(model, progress)
    write_history(folder / HISTORY, history)
    recorder.write(folder / "train.record.json")
    outcome.write(folder / OUTCOME)
    shutil.rmtree(unfinished, ignore_errors=True)
    leave_process_group()
