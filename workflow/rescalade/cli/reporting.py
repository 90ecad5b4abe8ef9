"""Commands that make tables, figures and pages."""

from __future__ import annotations

import typer

from rescalade.cli.context import Context, stage_command
from rescalade.config.errors import unknown
from rescalade.errors import UserError
from rescalade.pipeline.records import Recorder


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for function in (tables, figures, report, claims):
        app.command()(stage_command(function))


def tables(context: Context) -> None:
    """Write the experiment's tables as CSV and LaTeX."""
    from rescalade.report.tables.tables import make_tables

    recorder = Recorder("tables", context.settings("tables"), [])
    make_tables(context.config, context.paths)
    recorder.write(context.paths.experiment(context.config.name) / "tables" / "record.json")


def figures(context: Context) -> None:
    """Draw the experiment's figures as SVG and PDF."""
    from rescalade.report.figures.figures import make_figures

    recorder = Recorder("figures", context.settings("figures"), [])
    make_figures(context.config, context.paths)
    recorder.write(context.paths.experiment(context.config.name) / "figures" / "record.json")


def report(
    context: Context,
    page: str | None = typer.Option(None, help="`index` or a backbone; all pages where left out."),
) -> None:
    """Write the experiment's pages."""
    from rescalade.report.pages.page import make_pages

    recorder = Recorder("report", context.settings("report"), [])
    make_pages(context.config, context.paths, None if page is None else [page])
    if page in (None, "index"):
        recorder.write(context.paths.experiment(context.config.name) / "record.json")


def claims(
    context: Context,
    check: bool = typer.Option(False, help="Fail unless every claim that the experiment expects holds."),
) -> None:
    """Say which of the paper's claims this experiment shows."""
    from rescalade.report.claims.claims import evaluate_claims

    found = {claim.id: claim for claim in evaluate_claims(context.config, context.paths)}
    for claim in found.values():
        typer.echo(f"{claim.id}: {claim.result}. {claim.evidence}")
    expected = context.config.experiment.expect
    for name in expected:
        if name not in found:
            raise unknown("claim", name, found)
    failed = [name for name in expected if found[name].result != "holds"]
    if check and failed:
        raise UserError(f"claims that this experiment expects and that do not hold: {', '.join(failed)}")
