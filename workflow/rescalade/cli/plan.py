"""Commands that say what an experiment takes, before anything starts and after its end."""

from __future__ import annotations

import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from rescalade.atomic import write_json
from rescalade.cli.context import Context
from rescalade.cli.failures import needed
from rescalade.errors import UserError


def plan(
    context: Context,
    name: Annotated[str | None, typer.Argument(metavar="[EXPERIMENT]", help="Instead of the file's.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Fail where the disk is too small.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write everything into this file too.")] = None,
    train_tokens_per_second: Annotated[float | None, typer.Option(min=1e-9, help="Speed of training.")] = None,
    encode_per_second: Annotated[float | None, typer.Option(min=1e-9, help="Documents encoded per second.")] = None,
    teraflops: Annotated[float, typer.Option(min=1e-9, help="Peak of the GPU in bf16.")] = 312.0,
    utilisation: Annotated[float, typer.Option(min=1e-9, max=1.0, help="Share of the peak that is reached.")] = 0.3,
    query_tokens: Annotated[float, typer.Option(min=1, help="Mean length of a query.")] = 12.0,
    document_tokens: Annotated[float, typer.Option(min=1, help="Mean length of a document.")] = 100.0,
    active_terms: Annotated[float, typer.Option(min=0, help="Active terms of a document.")] = 180.0,
    gpu_memory: Annotated[float, typer.Option(min=1e-9, help="Memory of a GPU, in GB.")] = 80.0,
    parallel: Annotated[int, typer.Option(min=1, help="Jobs that train at the same time.")] = 1,
) -> None:
    """Say what an experiment takes: jobs, hours, downloads, disk. Nothing is made, and no network is used."""
    from rich.console import Console

    from rescalade.data.sources.irds import IrDatasetsDataset
    from rescalade.pipeline.plan.assumptions import Assumptions
    from rescalade.pipeline.plan.plan import make_plan
    from rescalade.pipeline.plan.show import show_plan, too_little

    chosen = replace(context, experiment=name or context.experiment)
    sets = map(chosen.config.dataset, chosen.config.shown_sets())
    if find_spec("ir_datasets") is None and any(isinstance(entry, IrDatasetsDataset) for entry in sets):
        raise UserError(needed("ir_datasets"))  # whose tables say how large they are
    assumed = Assumptions(
        query_tokens=query_tokens,
        document_tokens=document_tokens,
        active_terms=active_terms,
        gpu_memory=gpu_memory,
        teraflops=teraflops,
        utilisation=utilisation,
        train_tokens_per_second=train_tokens_per_second,
        encode_per_second=encode_per_second,
        parallel=parallel,
    )
    found = make_plan(chosen.config, chosen.paths, assumed)
    console = Console(width=None if sys.stdout.isatty() else 118)
    show_plan(found, console)
    if json_file is not None:
        write_json(json_file, found.as_json())
    if not found.fits:
        if check:
            raise UserError(too_little(found))
        console.print(too_little(found), highlight=False, soft_wrap=True)


def costs(
    context: Context,
    name: Annotated[str | None, typer.Argument(metavar="[EXPERIMENT]", help="Instead of the file's.")] = None,
) -> None:
    """Say where the CPU seconds of an experiment went: by stage, for starting and for work."""
    from rescalade.pipeline.costs import costs_of
    from rescalade.report.tables.cost_table import cost_table
    from rescalade.report.tables.markdown import markdown

    chosen = replace(context, experiment=name or context.experiment)
    typer.echo(markdown(cost_table(chosen.config.name, costs_of(chosen.config, chosen.paths))))
