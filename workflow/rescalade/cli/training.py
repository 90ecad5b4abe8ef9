"""The command that trains a run."""

from __future__ import annotations

from typing import Annotated

import typer

from rescalade.cli.context import Context, stage_command


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(stage_command(train))


def train(
    context: Context,
    run: str = typer.Argument(help="RECIPE/BACKBONE/VARIANT/seedN"),
    devices: Annotated[
        int | None,
        typer.Option(
            "--devices", min=1, help="GPUs, or processes on the CPU, that train together; else as configured."
        ),
    ] = None,
) -> None:
    """Train one run from its rescaled backbone; torchrun and accelerate may start it on several devices too."""
    from rescalade.pipeline.resources import devices as configured
    from rescalade.training.launch import launch, launched

    count = devices or configured(context.config, {"run": run})
    if count > 1 and not launched():
        launch(count, context.machine.device())
    context.execute("train", run=run)
