"""Commands of the pipeline's stages, but for those that have a second meaning of their own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from rescalade.cli.context import Context
from rescalade.cli.model_places import RevisionOption, check_revision
from rescalade.cli.own_texts import encode_own_texts
from rescalade.cli.run_places import run_named
from rescalade.cli.score_files import MEASURES, score_files
from rescalade.cli.surplus import refuse_surplus
from rescalade.errors import UserError

ShardOption = Annotated[int | None, typer.Option(min=0, help="Only this shard of the corpus, counted from 0.")]
TextsOption = Annotated[
    Path | None,
    typer.Option(
        help="Documents of your own: .tsv (id, text or id, title, text) or .jsonl (id, title, text), plain or .gz."
    ),
]
QueriesOption = Annotated[Path | None, typer.Option(help="Queries of your own, in the same formats.")]
OutOption = Annotated[Path | None, typer.Option(help="Folder for the vectors of your own texts.")]
RunArgument = typer.Argument(help="RECIPE/BACKBONE/VARIANT/seedN, or …/k1/untrained, or the path of its folder")


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


def random(context: Context, dataset: str) -> None:
    """Rank a data set by random sparse vectors: what a retriever reaches that has learnt nothing."""
    context.execute("random", dataset=dataset)


def step0(
    context: Context,
    backbone: str,
    variant: str = typer.Option(..., help="k1, k16, k4-untied, …"),
    recipe: str | None = typer.Option(None, help="Recipe of the experiment."),
) -> None:
    """Measure the loss of a rescaled backbone before any training, on what training would draw."""
    context.execute("step0_loss", backbone=backbone, variant=variant, recipe=context.recipe(recipe))


def train(
    context: Context,
    run: str = typer.Argument(help="RECIPE/BACKBONE/VARIANT/seedN, or the path of its folder"),
    devices: Annotated[
        int | None,
        typer.Option(
            "--devices", min=1, help="GPUs, or processes on the CPU, that train together; else as configured."
        ),
    ] = None,
) -> None:
    """Train one run from its rescaled backbone; torchrun and accelerate may start it on several devices too."""
    from rescalade.pipeline.resources import devices as configured
    from rescalade.training.launch import launch, launched

    run = run_named(context.paths, run).folder
    count = devices or configured(context.config, {"run": run})
    if count > 1 and not launched():
        launch(count, context.machine.device())
    context.execute("train", run=run)


def encode(
    context: Context,
    run: str = typer.Argument(help="RECIPE/BACKBONE/VARIANT/seedN; for own texts also a model folder or hub id"),
    dataset: str = typer.Argument("", help="Data set; leave out for texts of your own."),
    shard: ShardOption = None,
    texts: TextsOption = None,
    queries: QueriesOption = None,
    out: OutOption = None,
    revision: RevisionOption = None,
) -> None:
    """Encode a data set, or texts of your own, with a trained run."""
    check_revision([run], revision)
    if texts is not None or queries is not None or out is not None or not dataset:
        refuse_surplus({"--shard": shard is not None}, "a shard is one of a data set's")
        encode_own_texts(context, run, texts, queries, out, surplus=dataset, revision=revision)
    elif shard is None:
        context.execute("encode", run=run_named(context.paths, run).folder, dataset=dataset)
    else:
        context.execute("encode_shard", run=run_named(context.paths, run).folder, dataset=dataset, shard=f"{shard:05d}")


def speed(context: Context, run: str = RunArgument, dataset: str = typer.Argument()) -> None:
    """Time how fast a run encodes: queries one by one, documents in batches; how it is quantised is in its name."""
    context.execute("speed", run=run_named(context.paths, run).folder, dataset=dataset)


def index(
    context: Context,
    run: str = RunArgument,
    dataset: str = typer.Argument(),
    memory_mb: int = typer.Option(256, "--memory-mb", min=1, help="Memory for postings, beside one shard of vectors."),
) -> None:
    """Invert the vectors of a data set."""
    machine = replace(context.machine, memory_mb=memory_mb)
    replace(context, machine=machine).execute("index", run=run_named(context.paths, run).folder, dataset=dataset)


def take_run(
    context: Context,
    given: str = typer.Argument(help="Name under `runs` of the experiment."),
    dataset: str = typer.Argument(),
) -> None:
    """Take a ranking that others have made: ordered by score and rank, and held against the data set."""
    context.execute("take_run", experiment=context.config.name, given=given, dataset=dataset)


def take_vectors(
    context: Context,
    given: str = typer.Argument(help="Name under `runs` of the experiment."),
    dataset: str = typer.Argument(),
) -> None:
    """Take vectors that others have written, and search them."""
    context.execute("take_vectors", experiment=context.config.name, given=given, dataset=dataset)


def score(
    context: Context,
    run: str = typer.Argument(
        help="RECIPE/BACKBONE/VARIANT/seedN or its folder, bm25, random or a name under `runs`; with --qrels a run file"
    ),
    dataset: str = typer.Argument("", help="Data set; leave out with --qrels."),
    qrels: Annotated[
        Path | None, typer.Option(help="Judgements for a run file: query, document, grade, or TREC's four columns.")
    ] = None,
    measures: Annotated[
        str, typer.Option(help="With --qrels: measures as ir_measures writes them, commas between.")
    ] = MEASURES,
    minimum_grade: Annotated[
        int, typer.Option(min=1, help="With --qrels: from which grade on a document is relevant.")
    ] = 1,
    repeated: Annotated[
        str, typer.Option(help="With --qrels: which of repeated judgements counts: refuse, first, best or last.")
    ] = "refuse",
    as_data: Annotated[bool, typer.Option("--json", help="With --qrels: print JSON.")] = False,
) -> None:
    """Score a ranking, and the vectors that it was made with; or any run file by any judgements."""
    if qrels is not None:
        if dataset:
            raise UserError(f"{dataset!r}: either a data set or --qrels can be given, not both")
        score_files(Path(run), qrels, measures, minimum_grade, repeated, as_data=as_data)
        return
    if not dataset:
        raise UserError("expected a data set, or --qrels FILE with a run file")
    others = {
        "--measures": measures != MEASURES, "--minimum-grade": minimum_grade != 1, "--repeated": repeated != "refuse",
        "--json": as_data,
    }  # fmt: skip
    refuse_surplus(others, f"the configuration says how {dataset} is scored (datasets.{dataset})")
    if run in ("bm25", "random"):
        context.execute(f"score_{run}", dataset=dataset)
    elif run in context.config.experiment.runs:
        context.execute("score_given", experiment=context.config.name, given=run, dataset=dataset)
    else:
        context.execute("score", run=run_named(context.paths, run).folder, dataset=dataset)
