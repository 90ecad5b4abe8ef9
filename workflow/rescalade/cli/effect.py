"""The command that says what storing weights in fewer bytes would do to a ranking."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from rescalade.cli.context import ResultsOption
from rescalade.errors import UserError
from rescalade.paths import Paths
from rescalade.pipeline.graph import output
from rescalade.runs import Run


def effect(
    run: Annotated[str, typer.Argument(help="RECIPE/BACKBONE/VARIANT/seedN")],
    dataset: Annotated[str, typer.Argument(help="A data set that is encoded.")],
    weights: Annotated[
        list[str] | None, typer.Option("--weights", help="int100 or relative8; repeat for both, the default.")
    ] = None,
    as_data: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    results: ResultsOption = Path("results"),
) -> None:
    """Compare rankings with weights in fewer bytes with those of float32, on the vectors of a run."""
    from rescalade.export.storage_effect import as_table, storage_effect
    from rescalade.texts.judgements import read_judgements
    from rescalade.vectors.manifest import CorpusShards
    from rescalade.vectors.storage import LOSSY
    from rescalade.vectors.vectors import QUERIES, read_vectors

    kinds = list(dict.fromkeys(weights or LOSSY))
    for kind in kinds:
        if kind not in LOSSY:
            raise UserError(f"--weights {kind}: expected {' or '.join(LOSSY)}; float32 is what they are compared with")
    paths = Paths(results)
    vectors = output(paths, "encode", "vectors", run=Run.parse(run).folder, dataset=dataset)
    shards = CorpusShards(vectors)
    stored = shards.manifest.weights
    if stored in LOSSY:
        raise UserError(
            f"{shards.folder} is stored as {stored} already, so its float32 weights are gone; set retrieval.weights to "
            "auto and encode again"
        )
    qrels = read_judgements(output(paths, "collection", "qrels", dataset=dataset).parent)
    queries = read_vectors(vectors / QUERIES)
    found = storage_effect(queries, shards, shards.manifest.vocabulary, qrels, ["float32", *kinds])
    typer.echo(json.dumps(found, indent=1) if as_data else as_table(found))
