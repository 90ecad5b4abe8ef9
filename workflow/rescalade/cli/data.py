"""Commands that make collections and training triples."""

from __future__ import annotations

import typer

from rescalade.atomic import atomic_folder
from rescalade.cli.context import Context, stage_command
from rescalade.cli.opening import collection_facts, expected_of, make_source, open_dataset, rules_of
from rescalade.pipeline.records import Recorder
from rescalade.progress import Reporter


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for function in (source, collection, triples):
        app.command()(stage_command(function))


def source(context: Context, name: str) -> None:
    """Fetch or read once what several collections are taken from."""
    recorder = Recorder("source", context.settings("source", name=name), [])
    with atomic_folder(context.paths.source(name)) as folder:
        make_source(context, name, folder)
        recorder.write(folder / "record.json")


def collection(context: Context, dataset: str) -> None:
    """Make a data set: corpus, queries and relevance judgements, from wherever its source is."""
    from rescalade.data.writer import write_opened

    entry = context.config.dataset(dataset)
    recorder = Recorder(
        "collection",
        context.settings("collection", dataset=dataset),
        [context.paths.source(entry.source) / "manifest.json"],
    )
    folder = context.paths.dataset(dataset)
    with Reporter(f"collection {dataset}") as progress:
        write_opened(
            folder,
            dataset,
            open_dataset(context, dataset),
            collection_facts(dataset, entry),
            rules=rules_of(entry),
            expected=expected_of(entry),
            progress=progress,
            shared=context.paths.dataset(entry.corpus) if entry.corpus is not None else None,
        )
    recorder.write(folder / "record.json")


def triples(
    context: Context, dataset: str, recipe: str = typer.Option(..., help="Recipe that says how to mine.")
) -> None:
    """Make training triples: those that the data set brings, else with hard negatives from BM25."""
    from rescalade.texts.triple_files import GIVEN
    from rescalade.triples.triples import make_triples

    mining = context.config.recipe_named(recipe).mining
    folder = context.paths.dataset(dataset)
    inputs = [folder / "corpus.parquet", folder / GIVEN]
    recorder = Recorder("triples", context.settings("triples", recipe=recipe, dataset=dataset), inputs)
    path = folder / f"triples-{recipe}.parquet"
    make_triples(
        folder,
        path,
        negatives=mining.negatives,
        depth=mining.depth,
        seed=mining.seed,
        drop_identical_ids=context.config.dataset(dataset).drop_identical_ids,
        threads=context.threads,
    )
    recorder.write(path.with_suffix(".record.json"))
