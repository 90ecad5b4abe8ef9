"""`rescalade evaluate`: models that are there, on data sets, in one table, without editing a file."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rescalade.cli.context import Context
from rescalade.cli.model_places import RevisionOption, check_revision
from rescalade.cli.score_files import named_measures
from rescalade.errors import UserError

if TYPE_CHECKING:
    from rescalade.config import Config
    from rescalade.config.load import Read
    from rescalade.pipeline.jobs import Key
    from rescalade.report.tables.table import Table

DEFAULT_FILE = Path("config.yaml")
NARROW, WIDE = 100, 110
"""Columns of a terminal below which costs have a table of their own, and from which on it says who made a system."""
SHORT = {
    "difference": "differ-\nence",
    "p_holm": "p,\nHolm",
    "active_query": "query\nterms",
    "active_document": "doc.\nterms",
    "index_mb": "index\nMB",
    "queries_per_second": "queries\n/s",
}
"""Heads of columns on a terminal."""
NAME = "evaluate"
"""Of the experiment, and of the folder of its page."""


def evaluate(
    context: Context,
    models: Annotated[
        list[str], typer.Argument(metavar="MODEL...", help="Model folders, hub ids, runs, configured backbones.")
    ],
    datasets: Annotated[
        str, typer.Option("--datasets", help="Data sets by name, or folders in BEIR's layout; commas between.")
    ],
    against: Annotated[
        list[str] | None, typer.Option("--against", help="A model or run to test the others against, instead of BM25.")
    ] = None,
    measures: Annotated[
        str, typer.Option("--measures", help="Further measures, as ir_measures writes them; commas between.")
    ] = "",
    query_length: Annotated[int | None, typer.Option(min=4, help="Tokens of a query, instead of the model's.")] = None,
    document_length: Annotated[
        int | None, typer.Option(min=4, help="Tokens of a document, instead of the model's.")
    ] = None,
    revision: RevisionOption = None,
    trained: Annotated[
        bool, typer.Option("--trained", help="They are sparse retrievers, though no file of theirs says so.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Write the table as CSV.")] = None,
    published: Annotated[
        str | None,
        typer.Option(help="Compare with published numbers: `ready` for those of the models' own cards, or `csplade`."),
    ] = None,
    page: Annotated[bool, typer.Option("--page", help="Write a page too, under --report.")] = False,
) -> None:
    """Encode, index, search and score sparse retrievers as they are: one table over data sets, with BM25 beside it.

    Nothing is trained. What is made is kept under --results and used again.
    """
    from rescalade.published import load_published
    from rescalade.report.results.load import load_results
    from rescalade.report.results.summary import Summary
    from rescalade.report.results.systems import BM25
    from rescalade.report.tables.published_numbers import published_table
    from rescalade.report.tables.systems_table import systems_table

    numbers = None if published is None else load_published(published)
    config, reference = _config(context, models, datasets, against or [], measures, revision, trained, published, {
        key: value for key, value in (("query_length", query_length), ("document_length", document_length))
        if value is not None
    })  # fmt: skip
    _make(context, config, page)
    summary = Summary(load_results(config, context.paths))
    table = systems_table(summary, reference or BM25)
    show(table, "Data set")
    if numbers is not None:
        compared = published_table(summary, numbers)
        rows = [row for row in compared.rows if row.kind != "absent"]
        if rows:
            show(replace(compared, rows=rows), "Model")
        others = len(compared.rows) - len(rows)
        typer.echo(f"{others} published numbers are of other models or data sets than those evaluated.")
    if out is not None:
        from rescalade.atomic import atomic_file

        with atomic_file(out) as temporary:
            temporary.write_text(table.to_csv(), encoding="utf-8")
    if page:
        from rescalade.pipeline.graph import output

        typer.echo(f"written: {output(context.paths, 'index_page', 'page', experiment=NAME)}", err=True)


def _read(context: Context) -> Read:
    """The files, or the catalogue alone where none is named and config.yaml is not there."""
    from rescalade.config.load import read_values

    if context.snapshot is not None:
        raise UserError("--snapshot is for the jobs of a Snakemake call; `evaluate` reads --config")
    files = list(context.files)
    return read_values([] if files == [DEFAULT_FILE] and not DEFAULT_FILE.is_file() else files)


def _config(
    context: Context,
    models: list[str],
    datasets: str,
    against: list[str],
    measures: str,
    revision: str | None,
    trained: bool,
    published: str | None,
    retrieval: dict[str, int],
) -> tuple[Config, str | None]:
    """The configuration of the evaluation, and the name of the model that the others are tested against."""
    from rescalade.config.evaluation import Evaluation

    read, wanted = _read(context), Evaluation()
    if len(against) > 1:
        raise UserError(
            "--against: one model is expected, that the others are tested against; name further ones as MODEL"
        )
    check_revision([*models, *against], revision)
    for text in models:
        wanted.add_model(read, _folder_of_run(context, text), revision, trained=trained)
    names = [wanted.add_model(read, _folder_of_run(context, text), revision, trained=trained) for text in against]
    further = [each.name for each in named_measures(measures)]
    for name in filter(None, map(str.strip, datasets.split(","))):
        wanted.add_dataset(read, name, further)
    if not wanted.datasets:
        raise UserError("--datasets: at least one data set is expected, see `rescalade list datasets`")
    config = wanted.config(read, NAME, retrieval, published)
    return replace(config, command=shlex.join(["rescalade", *sys.argv[1:]])), names[0] if names else None


def _folder_of_run(context: Context, text: str) -> str:
    """Of a run, by its name or its folder, the folder of its model; anything else as it is."""
    from rescalade.cli.model_places import model_of
    from rescalade.cli.run_places import run_named

    try:
        run = run_named(context.paths, text)
    except UserError:
        return text
    return str(model_of(context.paths, run))


def _make(context: Context, config: Config, page: bool) -> None:
    """Run the jobs that are still to do, in the order of the pipeline."""
    from rescalade.pipeline.execute import execute, load_stage
    from rescalade.pipeline.graph import stage
    from rescalade.pipeline.jobs import RULES, make_jobs
    from rescalade.pipeline.plan.todo import jobs_to_do
    from rescalade.pipeline.preflight import check_local_folders
    from rescalade.pipeline.rows.reporting import report_outputs

    check_local_folders(config)
    targets: list[Key] = [("score", run.folder, name) for run in config.ready() for name in config.test_sets()]
    targets += [("score_bm25", name) for name in config.test_sets()]
    for made in report_outputs(config) if page else []:
        load_stage(stage(made.stage))  # what it needs and is not installed is said before anything is encoded
        targets.append((made.stage, *made.values))
    jobs = make_jobs(config, context.paths, *targets)
    todo = jobs_to_do(jobs, targets)
    ordered = sorted(todo, key=lambda key: (RULES.index(key[0]), key))
    for number, key in enumerate(ordered, 1):
        words = " ".join(part for part in key if part != config.name)
        typer.echo(f"{number} of {len(ordered)}: {words}", err=True)
        execute(config, context.paths, key[0], jobs[key].names, context.machine)


def show(table: Table, sections: str) -> None:
    """Print a table: a block per data set on a terminal, Markdown elsewhere."""
    from rescalade.report.results.numbers import MISSING
    from rescalade.report.tables.markdown import markdown
    from rescalade.report.tables.systems_table import COSTS
    from rescalade.report.tables.table import Value

    if not sys.stdout.isatty():
        typer.echo(markdown(table, sections=sections))
        return
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table as Shown

    console = Console(highlight=False)
    columns = [column for column in table.columns if column.key != "origin" or console.width >= WIDE]
    parts = [columns]
    if console.width < NARROW:
        costs = [column for column in columns if column.key in COSTS]
        parts = [[column for column in columns if column not in costs], [columns[0], *costs]]
    for name, rows in table.sections():
        for part in parts if len(parts[-1]) > 1 else parts[:1]:
            shown = Shown(
                title=name, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0)
            )
            for place, column in enumerate(part):
                shown.add_column(
                    SHORT.get(column.key, column.header),
                    justify="right" if column.numeric else "left",
                    overflow="fold",
                    no_wrap=column.numeric,
                    min_width=0 if place else 12,
                )
            for row in rows:
                cells = [row.values.get(column.key, Value(MISSING)) for column in part]
                texts = [(escape(cell.text), cell.strong) for cell in cells]
                shown.add_row(*(f"[bold]{text}[/bold]" if strong else text for text, strong in texts))
            console.print(shown)
    console.print(table.caption, *table.notes, sep="\n", style="dim")
