"""Commands from a trained run to its scores."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rescalade import paths as layout
from rescalade.cli.context import Context, stage_command
from rescalade.cli.effect import effect
from rescalade.cli.own_texts import encode_own_texts
from rescalade.pipeline.records import Recorder
from rescalade.pipeline.stages import parse_run
from rescalade.vectors.file_names import MANIFEST, shard_digest, shard_name


def register(app: typer.Typer) -> None:
    """Add the commands, but for `search`, which rescalade.cli.ask puts before a second meaning."""
    for function in (encode, index, bm25, score):
        app.command()(stage_command(function))
    app.command()(effect)


ShardOption = Annotated[int | None, typer.Option(min=0, help="Only this shard of the corpus, counted from 0.")]
TextsOption = Annotated[
    Path | None, typer.Option(help="Documents of your own: .tsv (id, tab, text) or .jsonl (id, title, text).")
]
QueriesOption = Annotated[Path | None, typer.Option(help="Queries of your own, in the same formats.")]
OutOption = Annotated[Path | None, typer.Option(help="Folder for the vectors of your own texts.")]
RunArgument = typer.Argument(help="RECIPE/BACKBONE/VARIANT/seedN")


def encode(
    context: Context,
    run: str = typer.Argument(help="RECIPE/BACKBONE/VARIANT/seedN, or for texts of your own also a model folder"),
    dataset: str = typer.Argument("", help="Data set; leave out for texts of your own."),
    shard: ShardOption = None,
    texts: TextsOption = None,
    queries: QueriesOption = None,
    out: OutOption = None,
) -> None:
    """Encode a data set, or texts of your own, with a trained run."""
    from rescalade.encoding.encode_stage import run_encode, run_encode_shard
    from rescalade.encoding.settings import EncodeSettings

    if texts is not None or queries is not None or out is not None or not dataset:
        encode_own_texts(context, run, texts, queries, out, surplus=dataset)
        return
    folder, data = context.paths.run(parse_run(run)), context.paths.dataset(dataset)
    settings = EncodeSettings.model_validate_json(context.settings("encode", run=run, dataset=dataset))
    target, growing, model = layout.vectors(folder, dataset), layout.encoding(folder, dataset), folder / "model"
    recorder = Recorder(
        "encode", settings.model_dump_json(), [*sorted(model.glob("*.safetensors")), data / "corpus.parquet"]
    )
    inputs = {"model": model, **collection_files(data)}
    if settings.corpus is not None:
        inputs["shared_manifest"] = context.paths.dataset(settings.corpus) / "manifest.json"
    caches = {"tokens": context.paths.tokens(dataset), "encoding": growing, "vectors": target}
    settings = settings.model_copy(update={"documents": context.config.dataset(dataset).documents})
    names = {"run": run, "dataset": dataset}
    if shard is None:
        run_encode(settings, inputs, {"vectors": target}, context.call(recorder, names, caches))
        return
    names["shard"] = f"{shard:05d}"
    outputs = {"shard": growing / shard_name(shard), "digest": growing / shard_digest(shard)}
    run_encode_shard(settings, inputs, outputs, context.call(recorder, names, caches))


def index(
    context: Context,
    run: str = RunArgument,
    dataset: str = typer.Argument(),
    memory_mb: int = typer.Option(256, "--memory-mb", min=1, help="Memory for postings, beside one shard of vectors."),
) -> None:
    """Invert the vectors of a data set."""
    from rescalade.retrieval.index_stage import run_index
    from rescalade.retrieval.settings import IndexSettings

    folder = context.paths.run(parse_run(run))
    inputs = {"vectors": layout.vectors(folder, dataset)}
    recorder = Recorder("index", context.settings("index", run=run, dataset=dataset), [inputs["vectors"] / MANIFEST])
    names = {"run": run, "dataset": dataset}
    outputs = {"index": layout.index(folder, dataset)}
    run_index(IndexSettings(), inputs, outputs, context.call(recorder, names, {}, memory_mb))


def search(context: Context, run: str = RunArgument, dataset: str = typer.Argument()) -> None:
    """Retrieve the best documents for every query of a data set."""
    from rescalade.retrieval.search_stage import run_search
    from rescalade.retrieval.settings import SearchSettings

    folder = context.paths.run(parse_run(run))
    text = context.settings("search", run=run, dataset=dataset)
    documents = context.config.dataset(dataset).corpus or dataset
    inputs = {
        "vectors": layout.vectors(folder, dataset),
        "documents": layout.vectors(folder, documents),
        "index": layout.index(folder, documents),
    }
    recorder = Recorder("search", text, [inputs["vectors"] / MANIFEST])
    path = layout.retrieved(folder, dataset)
    outputs = {
        "retrieved": path,
        "timings": path.with_name(f"{dataset}.json"),
        "record": path.with_name(f"{dataset}.record.json"),
    }
    settings, names = SearchSettings.model_validate_json(text), {"run": run, "dataset": dataset}
    run_search(settings, inputs, outputs, context.call(recorder, names, {}))


def bm25(context: Context, dataset: str) -> None:
    """Rank a data set by BM25, the floor in every table."""
    from rescalade.retrieval.bm25_stage import run_bm25
    from rescalade.retrieval.settings import SearchSettings

    text, inputs = context.settings("bm25", dataset=dataset), collection_files(context.paths.dataset(dataset))
    recorder = Recorder("bm25", text, [inputs["corpus"]])
    path = layout.retrieved(context.paths.bm25(), dataset)
    outputs = {"retrieved": path, "record": path.with_name(f"{dataset}.record.json")}
    settings = SearchSettings.model_validate_json(text)
    run_bm25(settings, inputs, outputs, context.call(recorder, {"dataset": dataset}, {}))


def score(
    context: Context,
    run: str = typer.Argument(help="RECIPE/BACKBONE/VARIANT/seedN, or bm25"),
    dataset: str = typer.Argument(),
) -> None:
    """Score a ranking with pytrec_eval."""
    from rescalade.scoring.score_stage import run_score
    from rescalade.scoring.settings import ScoreSettings

    folder = context.paths.bm25() if run == "bm25" else context.paths.run(parse_run(run))
    text = context.settings("score", run=run, dataset=dataset)
    ranking, path = layout.retrieved(folder, dataset), layout.scores(folder, dataset)
    inputs = {"retrieved": ranking, **collection_files(context.paths.dataset(dataset))}
    if run != "bm25":
        documents = context.config.dataset(dataset).corpus or dataset
        inputs["timings"] = ranking.with_name(f"{dataset}.json")
        inputs |= {"vectors": layout.vectors(folder, dataset), "documents": layout.vectors(folder, documents)}
    outputs = {
        "scores": path,
        "per_query": path.with_name(f"{dataset}.per-query.parquet"),
        "record": path.with_name(f"{dataset}.record.json"),
    }
    settings, names = ScoreSettings.model_validate_json(text), {"run": run, "dataset": dataset}
    run_score(settings, inputs, outputs, context.call(Recorder("score", text, [ranking]), names, {}))


def collection_files(folder: Path) -> dict[str, Path]:
    """Files of a data set by the names that stages have for them."""
    return {
        "manifest": folder / "manifest.json",
        **{name: folder / f"{name}.parquet" for name in ("corpus", "queries", "qrels")},
    }
