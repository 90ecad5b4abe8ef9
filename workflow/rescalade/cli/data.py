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
    for function in (source, collection, triples, bm25):
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


def bm25(context: Context, dataset: str) -> None:
    """Rank a data set by BM25, the floor in every table."""
    from rescalade.paths import retrieved
    from rescalade.retrieval.bm25 import rank_collection
    from rescalade.scoring.runfile import write_run
    from rescalade.scratch import scratch_folder

    folder = context.paths.dataset(dataset)
    recorder = Recorder("bm25", context.settings("bm25", dataset=dataset), [folder / "corpus.parquet"])
    settings = context.config.dataset(dataset)
    path = retrieved(context.paths.bm25(), dataset)
    with scratch_folder(path) as scratch:
        rankings = rank_collection(
            folder, scratch, settings.depth, drop_identical_ids=settings.drop_identical_ids, threads=context.threads
        )
        write_run(path, rankings, "bm25")
    recorder.write(path.with_name(f"{dataset}.record.json"))
