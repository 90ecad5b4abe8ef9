"""Commands that hand vectors to other engines, or say what storing weights in fewer bytes would do to a ranking."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from rescalade.cli.context import ResultsOption
from rescalade.cli.model_places import RevisionOption, check_revision, model_of, model_place
from rescalade.cli.run_places import run_named
from rescalade.errors import UserError
from rescalade.paths import Paths
from rescalade.pipeline.graph import output


def export(
    source: Annotated[
        str,
        typer.Argument(help="RECIPE/BACKBONE/VARIANT/seedN or its folder with --dataset, or a folder of vectors."),
    ],
    form: Annotated[str, typer.Option("--format", help="anserini, ciff, opensearch, elasticsearch, vespa or seismic.")],
    out: Annotated[Path, typer.Option("--out", help="Folder to make; an earlier export there is replaced.")],
    dataset: Annotated[str | None, typer.Option("--dataset", help="Data set of the run.")] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="Model folder or hub id, for the words of vocabulary.json.")
    ] = None,
    revision: RevisionOption = None,
    scale: Annotated[
        float, typer.Option("--scale", help="Factor of formats with integer weights: round(scale w).")
    ] = 100.0,
    results: ResultsOption = Path("results"),
) -> None:
    """Write the vectors of a data set in the format of another engine (docs/exports.md)."""
    from rescalade.atomic import atomic_folder
    from rescalade.export.write import RECORD
    from rescalade.export.write import export as write
    from rescalade.vectors.manifest import CorpusShards
    from rescalade.vectors.vectors import QUERIES, read_vectors

    check_revision([] if model is None else [model], revision)
    vectors, known = _vectors(source, dataset, results)
    shards = CorpusShards(vectors)
    manifest = shards.manifest
    if out.exists() and any(out.iterdir()) and not (out / RECORD).is_file():
        raise UserError(f"{out} holds something other than an export; choose another folder")
    named = None if model is None else model_place(Paths(results), model, revision)
    words = _words(named.folder if named else known, manifest.vocabulary)
    with atomic_folder(out) as output:
        record = write(
            output,
            form,
            shards,
            read_vectors(vectors / QUERIES),
            manifest.vocabulary,
            scale=scale,
            words=words,
            words_of=None if named is None else named.named,
        )
    typer.echo(json.dumps({"out": str(out), **record}, indent=1))


def _vectors(source: str, dataset: str | None, results: Path) -> tuple[Path, Path | None]:
    """The folder of vectors, and the model's where the source tells."""
    from rescalade.vectors.vectors import MANIFEST

    if (Path(source) / MANIFEST).is_file():
        return Path(source), None
    if dataset is None:
        raise UserError(f"{source}: {MANIFEST} is not there, so it is no folder of vectors; a run needs --dataset NAME")
    paths = Paths(results)
    run = run_named(paths, source)
    try:
        model = model_of(paths, run)
    except UserError:  # vectors may stand without the model that made them
        model = None
    return output(paths, "encode", "vectors", run=run.folder, dataset=dataset), model


def _words(model: Path | None, vocabulary: int) -> list[str] | None:
    """Tokens by number; None where no model is known."""
    if model is None:
        return None
    from rescalade.models.load import load_tokenizer
    from rescalade.models.model_folder import open_model_folder
    from rescalade.texts.token_names import token_names

    return token_names(load_tokenizer(open_model_folder(model).language_model), vocabulary)


def effect(
    run: Annotated[str, typer.Argument(help="RECIPE/BACKBONE/VARIANT/seedN, or its folder")],
    dataset: Annotated[str, typer.Argument(help="A data set that is encoded.")],
    weights: Annotated[
        list[str] | None, typer.Option("--weights", help="int100 or relative8; repeat for both, the default.")
    ] = None,
    as_data: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    results: ResultsOption = Path("results"),
) -> None:
    """Compare rankings with weights in fewer bytes with those of float32, on the vectors of a run."""
    from rescalade.export.storage_effect import as_table, storage_effect
    from rescalade.texts.collection import read_judgements
    from rescalade.vectors.manifest import CorpusShards
    from rescalade.vectors.storage import LOSSY
    from rescalade.vectors.vectors import QUERIES, read_vectors

    kinds = list(dict.fromkeys(weights or LOSSY))
    for kind in kinds:
        if kind not in LOSSY:
            raise UserError(f"--weights {kind}: expected {' or '.join(LOSSY)}; float32 is what they are compared with")
    paths = Paths(results)
    vectors = output(paths, "encode", "vectors", run=run_named(paths, run).folder, dataset=dataset)
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
