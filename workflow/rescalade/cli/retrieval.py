"""Commands from a trained run to its scores."""

from __future__ import annotations

import json
import time
from pathlib import Path

import typer

from rescalade import paths as layout
from rescalade.atomic import atomic_file, atomic_folder, read_json, sha256, write_json
from rescalade.cli.context import Context, stage_command
from rescalade.progress import Reporter
from rescalade.records import Recorder
from rescalade.stages import parse_run, recall_cuts

BM25 = "bm25"


def register(app: typer.Typer) -> None:
    """Add the commands, but for `search`, which rescalade.cli.ask puts before a second meaning."""
    for function in (encode, index, score):
        app.command()(stage_command(function))


RunArgument = typer.Argument(help="RECIPE/BACKBONE/VARIANT/seedN")


def encode(context: Context, run: str = RunArgument, dataset: str = typer.Argument()) -> None:
    """Encode a data set with a trained run."""
    from rescalade.data.collection import read_collection
    from rescalade.encoding.encode import EncodeSettings, encode_collection

    folder = context.paths.run(parse_run(run))
    settings_text = context.settings("encode", run=run, dataset=dataset)
    data = context.paths.dataset(dataset)
    recorder = Recorder("encode", settings_text, [folder / "model" / "model.safetensors", data / "corpus.parquet"])
    device = context.device()
    with atomic_folder(layout.vectors(folder, dataset)) as output, Reporter(f"encode {run} {dataset}") as progress:
        encode_collection(
            folder / "model",
            read_collection(data),
            EncodeSettings(**json.loads(settings_text)),
            output=output,
            device=device,
            progress=progress,
        )
        recorder.write(output / "record.json")


def index(
    context: Context,
    run: str = RunArgument,
    dataset: str = typer.Argument(),
    memory_mb: int = typer.Option(256, "--memory-mb", min=1, help="Memory for postings, beside one shard of vectors."),
) -> None:
    """Invert the vectors of a data set."""
    from rescalade.encoding.vectors import MANIFEST, read_manifest
    from rescalade.retrieval.shards import VectorShards
    from rescalade.retrieval.storage import write_index

    folder = context.paths.run(parse_run(run))
    vectors = layout.vectors(folder, dataset)
    recorder = Recorder("index", context.settings("index", run=run, dataset=dataset), [vectors / MANIFEST])
    manifest = read_manifest(vectors)
    with atomic_folder(layout.index(folder, dataset)) as output:
        write_index(
            output,
            VectorShards(vectors, manifest["shards"]),
            manifest["vocabulary"],
            model=manifest["model"],
            vectors=sha256(vectors / MANIFEST),
            memory_mb=memory_mb,
        )
        recorder.write(output / "record.json")


def search(context: Context, run: str = RunArgument, dataset: str = typer.Argument()) -> None:
    """Retrieve the best documents for every query of a data set."""
    from rescalade.encoding.vectors import MANIFEST, QUERIES, read_manifest, read_vectors
    from rescalade.retrieval.header import check_origin, verify
    from rescalade.retrieval.runfile import write_run
    from rescalade.retrieval.search import search as retrieve
    from rescalade.retrieval.shards import VectorShards
    from rescalade.retrieval.storage import load_index
    from rescalade.scoring.flops import sparsity

    folder = context.paths.run(parse_run(run))
    vectors, stored = layout.vectors(folder, dataset), layout.index(folder, dataset)
    recorder = Recorder("search", context.settings("search", run=run, dataset=dataset), [vectors / MANIFEST])
    manifest = read_manifest(vectors)
    queries = read_vectors(vectors / QUERIES)
    verify(stored)
    check_origin(stored, model=manifest["model"], vectors=sha256(vectors / MANIFEST))
    inverted = load_index(stored)
    start = time.process_time()
    rankings = retrieve(inverted, queries, context.config.dataset(dataset).depth, context.threads)
    seconds = max(time.process_time() - start, 1e-9)
    path = layout.retrieved(folder, dataset)
    write_run(
        path,
        (
            (query, list(zip(inverted.names(numbers), scores.tolist(), strict=True)))
            for query, (numbers, scores) in zip(queries.ids, rankings, strict=True)
        ),
        tag=run.replace("/", "-"),
    )
    measures = {
        **sparsity(queries, VectorShards(vectors, manifest["shards"]), manifest["vocabulary"]),
        "index_bytes": inverted.bytes,
        "queries_per_second": len(queries) / seconds,
    }
    write_json(path.with_name(f"{dataset}.json"), measures)
    recorder.write(path.with_name(f"{dataset}.record.json"))


def score(
    context: Context,
    run: str = typer.Argument(help="RECIPE/BACKBONE/VARIANT/seedN, or bm25"),
    dataset: str = typer.Argument(),
) -> None:
    """Score a ranking with pytrec_eval."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from rescalade.data.collection import read_collection
    from rescalade.retrieval.runfile import read_run
    from rescalade.scoring.score import score_queries, summarise

    folder = context.paths.bm25() if run == BM25 else context.paths.run(parse_run(run))
    ranking = layout.retrieved(folder, dataset)
    recorder = Recorder("score", context.settings("score", run=run, dataset=dataset), [ranking])
    found = read_collection(context.paths.dataset(dataset))
    groups = dict(zip(found.queries["id"].to_pylist(), found.queries["group"].to_pylist(), strict=True))
    cuts = recall_cuts(context.config.dataset(dataset).depth)
    values = score_queries(found.relevant(), read_run(ranking), cuts)
    path = layout.scores(folder, dataset)
    rows = [{"query_id": query, "group": groups[query] or "", **row} for query, row in values.items()]
    with atomic_file(per_query(path)) as temporary:
        pq.write_table(pa.Table.from_pylist(rows), temporary, compression="zstd")
    write_json(
        path,
        {
            "run": run,
            "dataset": dataset,
            "queries": len(values),
            "documents": len(found.corpus),
            **summarise(values, groups),
            "sparsity": None if run == BM25 else read_json(ranking.with_name(f"{dataset}.json")),
        },
    )
    recorder.write(path.with_name(f"{dataset}.record.json"))


def per_query(path: Path) -> Path:
    """Per-query values stand beside the summary."""
    return path.with_name(f"{path.stem}.per-query.parquet")
