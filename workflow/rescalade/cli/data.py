"""Commands that make collections and training triples, and rank collections by BM25."""

from __future__ import annotations

import typer

from rescalade.cli.context import Context, stage_command


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for function in (source, collection, triples, bm25):
        app.command()(stage_command(function))


def source(context: Context, name: str) -> None:
    """Fetch or read once what several collections are taken from."""
    context.execute("source", source=name)


def collection(context: Context, dataset: str) -> None:
    """Make a data set: corpus, queries and relevance judgements, from wherever its source is."""
    context.execute("collection", dataset=dataset)


def triples(
    context: Context, dataset: str, recipe: str = typer.Option(..., help="Recipe that says how to mine.")
) -> None:
    """Make training triples: those that the data set brings, else with hard negatives from BM25."""
    context.execute("triples", dataset=dataset, recipe=recipe)


def bm25(context: Context, dataset: str) -> None:
    """Rank a data set by BM25, the floor in every table."""
    context.execute("bm25", dataset=dataset)
