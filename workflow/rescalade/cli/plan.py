"""Commands that say what an experiment takes, before anything starts and after its end."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from rescalade.atomic import write_json
from rescalade.cli.context import Context
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
    parallel: Annotated[int, typer.Option(min=1, help="Jobs that train at the same time.")] = 1,
) -> None:
    """Say what an experiment takes: jobs, hours, downloads, disk. Nothing is made, and no network is used."""
    from rich.console import Console

    from rescalade.pipeline.plan.assumptions import Assumptions
    from rescalade.pipeline.plan.plan import make_plan
    from rescalade.pipeline.plan.show import show_plan, too_little

    chosen = replace(context, experiment=name or context.experiment)
    assumed = Assumptions(
        query_tokens=query_tokens,
        document_tokens=document_tokens,
        active_terms=active_terms,
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
    markdown: Annotated[bool, typer.Option("--markdown", help="A table for a page of text.")] = False,
) -> None:
    """Say where the CPU seconds of an experiment went: by stage, for starting and for work."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from rescalade.pipeline.costs import costs_of

    chosen = replace(context, experiment=name or context.experiment)
    found = costs_of(chosen.config, chosen.paths)
    table = Table("stage", box=box.MARKDOWN if markdown else box.HEAVY_HEAD)
    for column in ("jobs", "measured", "start, CPU s", "work, CPU s", "a job's work, CPU s", "share of all"):
        table.add_column(column, justify="right")
    every = sum(cost.start + cost.work for cost in found)
    for cost in found:
        each = cost.work / cost.measured if cost.measured else 0.0
        share = (cost.start + cost.work) / every
        numbers = (f"{cost.jobs:,}", f"{cost.measured:,}", f"{cost.start:.1f}", f"{cost.work:.1f}", f"{each:.2f}")
        table.add_row(cost.stage, *numbers, f"{share:.1%}", end_section=cost is found[-1])
    start, work = (sum(getattr(cost, part) for cost in found) for part in ("start", "work"))
    jobs, known = (sum(getattr(cost, part) for cost in found) for part in ("jobs", "measured"))
    table.add_row("all", f"{jobs:,}", f"{known:,}", f"{start:.1f}", f"{work:.1f}", "", "")
    Console(width=None if sys.stdout.isatty() else 118).print(table)
    typer.echo(
        "start: Python, libraries and configuration, until a job's work begins. Not in it: Snakemake, the process that "
        "jobs are forked from, and the commands that wait for their forks."
    )
