"""Commands that make collections and training triples."""

from __future__ import annotations

import typer

from rescalade.atomic import atomic_folder
from rescalade.cli.context import Context, stage_command
from rescalade.cli.opening import collection_facts, expected_of, make_source, open_dataset, rules_of
from rescalade.progress import Reporter
from rescalade.records import Recorder


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
    """Make training triples with hard negatives from BM25."""
    from rescalade.data.collection import read_collection
    from rescalade.data.triples import mine_triples, write_triples

    mining = context.config.recipe_named(recipe).mining
    folder = context.paths.dataset(dataset)
    recorder = Recorder(
        "triples", context.settings("triples", recipe=recipe, dataset=dataset), [folder / "corpus.parquet"]
    )
    mined = mine_triples(read_collection(folder), negatives=mining.negatives, depth=mining.depth, seed=mining.seed)
    path = folder / f"triples-{recipe}.parquet"
    write_triples(path, mined)
    recorder.write(path.with_suffix(".record.json"))


def bm25(context: Context, dataset: str) -> None:
    """Rank a data set by BM25, the floor in every table."""
    from rescalade.data.collection import read_collection
    from rescalade.paths import retrieved
    from rescalade.retrieval.bm25 import Bm25
    from rescalade.retrieval.runfile import write_run

    folder = context.paths.dataset(dataset)
    recorder = Recorder("bm25", context.settings("bm25", dataset=dataset), [folder / "corpus.parquet"])
    found = read_collection(folder)
    ids = found.corpus["id"].to_pylist()
    numbers, scores = Bm25(found.document_texts()).search(
        found.queries["text"].to_pylist(), context.config.dataset(dataset).depth
    )
    rankings = (
        (query, [(ids[n], float(s)) for n, s in zip(row, score, strict=True) if s > 0])
        for query, row, score in zip(found.queries["id"].to_pylist(), numbers, scores, strict=True)
    )
    path = retrieved(context.paths.bm25(), dataset)
    write_run(path, rankings, "bm25")
    recorder.write(path.with_name(f"{dataset}.record.json"))
