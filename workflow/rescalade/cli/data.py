"""Commands that make collections and training triples."""

from __future__ import annotations

import typer

from rescalade.cli.context import Context, stage_command
from rescalade.pipeline.records import Recorder
from rescalade.pipeline.stages import collection_inputs, collection_settings, source_settings


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for function in (source, collection, triples):
        app.command()(stage_command(function))


def source(context: Context, name: str) -> None:
    """Fetch or read once what several collections are taken from."""
    from rescalade.data.source_stage import run_source

    recorder = Recorder("source", context.settings("source", name=name), [])
    outputs = {"folder": context.paths.source(name)}
    run_source(source_settings(context.config, name), {}, outputs, context.call(recorder, {"name": name}, {}))


def collection(context: Context, dataset: str) -> None:
    """Make a data set: corpus, queries and relevance judgements, from wherever its source is."""
    from rescalade.data.collection_stage import run_collection

    inputs = collection_inputs(context.config, context.paths, dataset)
    seen = [inputs["source"] / "manifest.json"] if "source" in inputs else []
    recorder = Recorder("collection", context.settings("collection", dataset=dataset), seen)
    folder = context.paths.dataset(dataset)
    outputs = {"manifest": folder / "manifest.json", "record": folder / "record.json"}
    call = context.call(recorder, {"dataset": dataset}, {})
    run_collection(collection_settings(context.config, dataset), inputs, outputs, call)


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
