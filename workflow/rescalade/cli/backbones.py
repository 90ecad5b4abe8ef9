"""Commands that make, audit and rescale backbones."""

from __future__ import annotations

import json
import shutil

import typer

from rescalade.atomic import atomic_folder, sha256, write_json
from rescalade.cli.context import Context, stage_command
from rescalade.progress import Reporter
from rescalade.records import Recorder
from rescalade.variants import Variant

WEIGHTS = "model.safetensors"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for function in (backbone, audit, rescale):
        app.command()(stage_command(function))


def backbone(context: Context, name: str) -> None:
    """Pretrain a backbone, or copy it from a local folder or the hub."""
    from rescalade.backbones.make import copy_backbone, inflate_backbone, local_source, pretrain_backbone
    from rescalade.data.collection import read_collection

    chosen = context.config.backbone(name)
    settings = context.settings("backbone", name=name)
    device = context.device()
    with atomic_folder(context.paths.backbone(name)) as folder:
        if chosen.pretrain is not None:
            data = context.paths.dataset(chosen.pretrain.text)
            recorder = Recorder("backbone", settings, [data / "corpus.parquet", data / "queries.parquet"])
            unfinished = context.checkpoints("backbone", settings, sha256(data / "manifest.json"))
            with Reporter(f"pretrain {name}") as progress:
                pretrain_backbone(folder, chosen.pretrain, read_collection(data), unfinished, progress, device)
        elif chosen.of is not None:
            twin = context.paths.backbone(chosen.of)
            recorder = Recorder("backbone", settings, [twin / WEIGHTS])
            inflate_backbone(folder, twin, chosen.factor)
        else:
            recorder = Recorder("backbone", settings, [])
            origin = local_source(chosen.path) if chosen.path is not None else str(chosen.id)
            copy_backbone(folder, origin, chosen.revision)
        recorder.write(folder / "record.json")
    if chosen.pretrain is not None:  # only now is the backbone safe on disk
        shutil.rmtree(unfinished, ignore_errors=True)


def audit(context: Context, name: str) -> None:
    """Measure a backbone's head before any training, for every scale of the grid."""
    import torch

    from rescalade.backbones.load import load_masked_lm, load_tokenizer
    from rescalade.data.collection import read_collection
    from rescalade.data.triples import read_triples
    from rescalade.heads.audit import audit as measure
    from rescalade.splade.batch import pad, tokenise
    from rescalade.training.batches import micro_batches

    experiment = context.config.experiment
    settings_text = context.settings("audit", name=name)
    settings = json.loads(settings_text)
    folder, data = context.paths.backbone(name), context.paths.dataset(experiment.train_on)
    mined = data / f"triples-{experiment.recipe}.parquet"
    recorder = Recorder("audit", settings_text, [folder / WEIGHTS, mined])
    device = torch.device(context.device())
    tokenizer = load_tokenizer(folder)
    collection = read_collection(data)
    mined_triples = read_triples(mined)
    first = next(micro_batches(len(mined_triples), settings["batch_size"], seed=0))  # a batch as training draws it
    triples = mined_triples.take(first).to_pylist()
    queries = dict(zip(collection.queries["id"].to_pylist(), collection.queries["text"].to_pylist(), strict=True))
    documents = dict(zip(collection.corpus["id"].to_pylist(), collection.document_texts(), strict=True))
    texts = [documents[row[key]] for key in ("positive_id", "negative_id") for row in triples]
    found = measure(
        load_masked_lm(folder).to(device),  # type: ignore[arg-type]  # transformers wraps `to` loosely
        pad(
            tokenizer,
            tokenise(tokenizer, [queries[row["query_id"]] for row in triples], settings["query_length"]),
            settings["pool_special_tokens"],
        ).to(device),
        pad(tokenizer, tokenise(tokenizer, texts, settings["document_length"]), settings["pool_special_tokens"]).to(
            device
        ),
        [Variant.parse(name) for name in settings["variants"]],
        settings["temperature"],
    )
    path = context.paths.audit(name)
    write_json(path, {"backbone": name, "inflate": settings["inflate"], **found})
    recorder.write(path.with_name(f"{name}.record.json"))


def rescale(
    context: Context, name: str, variant: str = typer.Option(..., help="k1, k16, k4-untied, k4-untied-bias, …")
) -> None:
    """Divide a backbone's head by k."""
    from rescalade.backbones.load import load_masked_lm, load_tokenizer
    from rescalade.heads.rescale import rescale as divide
    from rescalade.heads.save import save_verified

    chosen = Variant.parse(variant)
    origin = context.paths.backbone(name)
    recorder = Recorder("rescale", context.settings("rescale", name=name, variant=variant), [origin / WEIGHTS])
    context.device()
    model = load_masked_lm(origin)
    divide(model, chosen)
    with atomic_folder(context.paths.rescaled(name, chosen.name)) as folder:
        save_verified(model, load_tokenizer(origin), folder)
        recorder.write(folder / "record.json")
