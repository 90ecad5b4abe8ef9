"""Commands that make tables, figures and pages."""

from __future__ import annotations

import typer

from rescalade.cli.context import Context
from rescalade.errors import UserError, unknown


def tables(context: Context) -> None:
    """Write the experiment's tables as CSV and LaTeX."""
    context.execute("tables", experiment=context.config.name)


def figures(context: Context) -> None:
    """Draw the experiment's figures as SVG and PDF."""
    context.execute("figures", experiment=context.config.name)


def report(
    context: Context,
    page: str | None = typer.Option(None, help="`index` or a backbone; all pages where left out."),
) -> None:
    """Write the experiment's pages."""
    experiment = context.config.name
    for name in [*context.config.backbones(), "index"] if page is None else [page]:
        if name == "index":
            context.execute("report", experiment=experiment)
        else:
            context.execute("page", experiment=experiment, backbone=name)


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


def rules(context: Context) -> None:
    """Print what every rule for k would have cost: on the paper's Table 2, and on all finished runs under --results."""
    from rescalade.report.tables.markdown import markdown
    from rescalade.report.tables.regret import finished_regrets, published_regrets
    from rescalade.report.tables.regret_table import regret_table

    found = [published_regrets()]
    if context.snapshot is not None or all(file.is_file() for file in context.files):
        found += finished_regrets(context.config, context.paths)
    typer.echo("\n\n".join(markdown(regret_table(one)) for one in found))
