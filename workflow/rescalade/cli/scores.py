"""The command that scores a ranking."""

from __future__ import annotations

from pathlib import Path

import typer

from rescalade import paths as layout
from rescalade.atomic import atomic_file, read_json, write_json
from rescalade.cli.context import Context
from rescalade.pipeline.records import Recorder
from rescalade.pipeline.stages import parse_run, recall_cuts

BM25 = "bm25"


def score(
    context: Context,
    run: str = typer.Argument(help="RECIPE/BACKBONE/VARIANT/seedN, or bm25"),
    dataset: str = typer.Argument(),
) -> None:
    """Score a ranking with pytrec_eval."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from rescalade.scoring.runfile import iterate_run
    from rescalade.scoring.score import score_queries, summarise
    from rescalade.texts.collection import read_table
    from rescalade.texts.judgements import read_judgements
    from rescalade.vectors.shared_corpus import encoding_facts

    folder = context.paths.bm25() if run == BM25 else context.paths.run(parse_run(run))
    data, settings = context.paths.dataset(dataset), context.config.dataset(dataset)
    ranking = layout.retrieved(folder, dataset)
    recorder = Recorder("score", context.settings("score", run=run, dataset=dataset), [ranking])
    queries = read_table(data, "queries.parquet")
    groups = dict(zip(queries["id"].to_pylist(), queries["group"].to_pylist(), strict=True))
    values = score_queries(
        read_judgements(data), iterate_run(ranking), recall_cuts(settings.depth), settings.minimum_grade
    )
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
            "documents": read_json(data / "manifest.json")["counts"]["documents"],
            **summarise(values, groups),
            "sparsity": None if run == BM25 else read_json(ranking.with_name(f"{dataset}.json")),
            "encoding": None if run == BM25 else encoding_facts(layout.vectors(folder, dataset)),
        },
    )
    recorder.write(path.with_name(f"{dataset}.record.json"))


def per_query(path: Path) -> Path:
    """Per-query values stand beside the summary."""
    return path.with_name(f"{path.stem}.per-query.parquet")
