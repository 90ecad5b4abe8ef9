"""Commands that make tables, figures and pages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rescalade.atomic import atomic_file
from rescalade.cli.context import Context
from rescalade.errors import UserError, unknown
from rescalade.pipeline.rows.reporting import INDEX_PAGE

if TYPE_CHECKING:
    from rescalade.report.results.known import Known


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
            context.execute(INDEX_PAGE, experiment=experiment)
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


def outcomes(
    context: Context,
    out: Annotated[
        Path | None, typer.Option(help="Write the finished runs as CSV; runs of other sources there stay.")
    ] = None,
) -> None:
    """Print which runs trained, by how they began: those kept with the package, the paper's, all under --results."""
    from rescalade.report.results.known import as_csv, finished_runs, kept_runs, once, published_cells
    from rescalade.report.tables.markdown import markdown
    from rescalade.report.tables.outcome_table import outcome_table

    configured = context.snapshot is not None or all(file.is_file() for file in context.files)
    made = finished_runs(context.config, context.paths) if configured else []

    def with_made(kept: list[Known]) -> list[Known]:
        """Runs of an experiment that was made again take the place of those kept of it."""
        again = {one.source for one in made}
        found = [*(one for one in kept if one.source not in again), *made]
        return once(context.config, found) if configured else found

    typer.echo(markdown(outcome_table([*with_made(kept_runs()), *published_cells()])))
    if out is not None:
        content = as_csv(with_made(kept_runs(out) if out.is_file() else []))
        with atomic_file(out) as temporary:
            temporary.write_text(content, encoding="utf-8")
