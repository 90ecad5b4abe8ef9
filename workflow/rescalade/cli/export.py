"""The command that hands vectors to other engines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from rescalade.cli.context import ResultsOption
from rescalade.errors import UserError
from rescalade.paths import Paths
from rescalade.pipeline.graph import output


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(export)


def export(
    source: Annotated[
        str, typer.Argument(help="RECIPE/BACKBONE/VARIANT/seedN with --dataset, or a folder of vectors.")
    ],
    form: Annotated[str, typer.Option("--format", help="anserini, ciff, opensearch, elasticsearch, vespa or seismic.")],
    out: Annotated[Path, typer.Option("--out", help="Folder to make; an earlier export there is replaced.")],
    dataset: Annotated[str | None, typer.Option("--dataset", help="Data set of the run.")] = None,
    model: Annotated[
        Path | None, typer.Option("--model", help="Model folder, for the words of vocabulary.json.")
    ] = None,
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

    vectors, known = _vectors(source, dataset, results)
    shards = CorpusShards(vectors)
    manifest = shards.manifest
    if out.exists() and any(out.iterdir()) and not (out / RECORD).is_file():
        raise UserError(f"{out} holds something other than an export; choose another folder")
    words = _words(model or known, manifest.vocabulary)
    with atomic_folder(out) as output:
        record = write(
            output,
            form,
            shards,
            read_vectors(vectors / QUERIES),
            manifest.vocabulary,
            scale=scale,
            words=words,
        )
    typer.echo(json.dumps({"out": str(out), **record}, indent=1))


def _vectors(source: str, dataset: str | None, results: Path) -> tuple[Path, Path | None]:
    """The folder of vectors, and the model's where the source tells."""
    from rescalade.runs import Run
    from rescalade.vectors.vectors import MANIFEST

    if (Path(source) / MANIFEST).is_file():
        return Path(source), None
    if dataset is None:
        raise UserError(f"{source}: {MANIFEST} is not there, so it is no folder of vectors; a run needs --dataset NAME")
    paths, run = Paths(results), Run.parse(source).folder
    model = output(paths, "train", "model", run=run)
    return output(paths, "encode", "vectors", run=run, dataset=dataset), model if model.is_dir() else None


def _words(model: Path | None, vocabulary: int) -> list[str] | None:
    """Tokens by number; numbers beyond the tokenizer's, which pad the output projection, are empty."""
    if model is None:
        return None
    from rescalade.models.load import load_tokenizer

    tokenizer = load_tokenizer(model)
    return [
        str(tokenizer.convert_ids_to_tokens(number)) if number < len(tokenizer) else "" for number in range(vocabulary)
    ]
