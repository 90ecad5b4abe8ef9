"""The command that trains a run."""

from __future__ import annotations

import shutil

import typer

from rescalade.atomic import atomic_file, atomic_folder, sha256, write_json
from rescalade.cli.context import Context, stage_command
from rescalade.progress import Reporter
from rescalade.records import Recorder
from rescalade.stages import parse_run


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(stage_command(train))


def train(context: Context, run: str = typer.Argument(help="RECIPE/BACKBONE/VARIANT/seedN")) -> None:
    """Train one run from its rescaled backbone."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from rescalade.data.collection import read_collection
    from rescalade.data.triples import read_triples
    from rescalade.training.run import train_run

    chosen = parse_run(run)
    settings_text = context.settings("train", run=run)
    origin = context.paths.rescaled(chosen.backbone, chosen.variant.name)
    data = context.paths.dataset(context.config.experiment.train_on)
    mined = data / f"triples-{chosen.recipe}.parquet"
    inputs = [origin / "model.safetensors", data / "corpus.parquet", data / "queries.parquet", mined]
    recorder = Recorder("train", settings_text, inputs)
    folder = context.paths.run(chosen)
    device = context.device()
    unfinished = context.checkpoints("train", settings_text, device, *(sha256(path) for path in inputs))
    (folder / "outcome.json").unlink(missing_ok=True)  # it is written last and says that the run is whole
    with atomic_folder(folder / "model") as model, Reporter(f"train {run}") as progress:
        history, outcome = train_run(
            chosen,
            origin,
            read_collection(data),
            read_triples(mined),
            context.config.train_settings(chosen.backbone),
            checkpoints=unfinished,
            output=model,
            device=device,
            progress=progress,
        )
    with atomic_file(folder / "history.parquet") as temporary:
        pq.write_table(pa.Table.from_pylist(history), temporary, compression="zstd")
    recorder.write(folder / "train.record.json")
    write_json(folder / "outcome.json", outcome)
    shutil.rmtree(unfinished, ignore_errors=True)
