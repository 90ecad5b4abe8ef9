"""Commands that make, audit and rescale backbones."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rescalade.atomic import atomic_folder, sha256, write_json
from rescalade.audited import Audit, HeadNorms, predicted_scale
from rescalade.cli.context import Context, stage_command
from rescalade.errors import UserError
from rescalade.pipeline.records import Recorder
from rescalade.progress import Reporter
from rescalade.variants import Variant

if TYPE_CHECKING:
    from rescalade.backbones.hub import Arrived

log = logging.getLogger(__name__)

WEIGHTS = "model.safetensors"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for function in (backbone, audit, rescale):
        app.command()(stage_command(function))


def backbone(context: Context, name: str) -> None:
    """Pretrain a backbone, or copy it from a local folder or the hub."""
    from rescalade.backbones.make import copy_backbone, inflate_backbone, local_source, pretrain_backbone
    from rescalade.texts.collection import read_collection

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
            read: list[Path] = []  # filled below: how long the download took belongs to the record too
            recorder = Recorder("backbone", settings, read)
            if chosen.path is not None:
                origin = local_source(chosen.path)
                read.append(origin / WEIGHTS)
            else:
                arrived = _fetch(context, name, folder)
                origin = arrived.folder
                read += arrived.files
            _check_norm(context, name, copy_backbone(folder, origin))
        recorder.write(folder / "record.json")
    if chosen.pretrain is not None:  # only now is the backbone safe on disk
        shutil.rmtree(unfinished, ignore_errors=True)


def _fetch(context: Context, name: str, folder: Path) -> Arrived:
    """Have a configured backbone of the hub in the hub's cache, and write into `folder` which commit it is."""
    from rescalade.backbones.hub import fetch
    from rescalade.backbones.hub_lock import HubLock

    chosen = context.config.backbone(name)
    hub_id, revision = str(chosen.id), str(chosen.revision)
    lock = HubLock(context.paths.results / "hub")
    others = [other.id for other in context.config.model.backbones.values() if other.id not in (None, hub_id)]
    arrived = fetch(hub_id, revision, lock=lock, known=map(str, others), copy_to=folder)
    log.info("backbone %s: %s at commit %s", name, hub_id, arrived.commit)
    if revision != arrived.commit:
        log.info("backbone %s: later runs take this commit too, from %s", name, lock.path(hub_id, revision))
    write_json(folder / "origin.json", {"id": hub_id, "revision": revision, "commit": arrived.commit})
    return arrived


def _check_norm(context: Context, name: str, norms: HeadNorms) -> None:
    """Stop where the paper has a backbone of this name or id with another head.

    Not part of the stages' code: what is published changes no model, so a change of it must not train any again.
    """
    from rescalade.backbones.published_norm import check_published_norm

    chosen = context.config.backbone(name)
    if chosen.check_norm and chosen.source in ("hub", "local"):
        check_published_norm(name, chosen.id, norms)


def audit(
    context: Context,
    names: Annotated[
        list[str], typer.Argument(metavar="NAME...", help="Configured backbones, model folders, hub ids.")
    ],
    out: Annotated[Path | None, typer.Option(help="Folder for a page, a plot and JSON per model.")] = None,
    revision: Annotated[str | None, typer.Option(help="Commit on the hub.")] = None,
) -> None:
    """Measure heads before any training: will it collapse, and which k?

    A configured backbone is measured on the training text of its experiment and lands under --results. Model folders
    and hub ids are measured on a built-in sample text and shown; --out writes files.
    """
    configured = [name for name in names if out is None and context.configured_backbone(name)]
    for name in configured:
        _audit_stage(context, name)
    others = [name for name in names if name not in configured]
    if others:
        from rescalade.cli.audits import audit_elsewhere

        audit_elsewhere(context, others, out, revision)


def _audit_stage(context: Context, name: str) -> None:
    """Audit a backbone of the experiment on its training text."""
    from rescalade.audit.audit_text import audit_on_triples
    from rescalade.cli.audits import show
    from rescalade.texts.triple_files import read_triples

    experiment = context.config.experiment
    settings_text = context.settings("audit", name=name)
    settings = json.loads(settings_text)
    device = context.device()
    folder, data = context.paths.backbone(name), context.paths.dataset(experiment.train_on)
    mined = data / f"triples-{experiment.recipe}.parquet"
    recorder = Recorder("audit", settings_text, [folder / WEIGHTS, mined])
    with Reporter(f"audit {name}") as progress:
        found = audit_on_triples(
            folder, data, read_triples(mined), settings, name=name, device=device, progress=progress
        )
    _check_norm(context, name, found)
    path = context.paths.audit(experiment.recipe, name)
    found.write(path)
    recorder.write(path.with_name(f"{name}.record.json"))
    show(found)


def rescale(
    context: Context,
    name: Annotated[str, typer.Argument(help="Configured backbone, model folder or hub id.")],
    variant: Annotated[str | None, typer.Option(help="k1, k16, k4-untied, k16-folded-bias, kauto-loss, …")] = None,
    k: Annotated[str | None, typer.Option("--k", help="Scale, or `auto`.")] = None,
    mode: Annotated[str, typer.Option(help="tied, untied, folded or multiplier.")] = "folded",
    bias: Annotated[bool | None, typer.Option(help="Divide the bias too; where there is one, if not said.")] = None,
    rule: Annotated[str, typer.Option(help="For --k auto: width, norm, activation, score or loss.")] = "loss",
    out: Annotated[Path | None, typer.Option(help="New model folder; needed with --k.")] = None,
    max_length: Annotated[int | None, typer.Option(help="Tokens to which SparseEncoder cuts texts.")] = None,
    revision: Annotated[str | None, typer.Option(help="Commit on the hub.")] = None,
) -> None:
    """Divide a head by k: the stage of the pipeline with --variant, any model with --k and --out."""
    if variant is None:
        from rescalade.cli.audits import rescale_elsewhere, variant_of

        chosen = variant_of(k, mode, bias, rule)
        rescale_elsewhere(
            context, name, chosen, out, bias_where_present=bias is None, max_length=max_length, revision=revision
        )
        return
    from rescalade.rescaling.make import make_rescaled

    if k is not None or out is not None:
        raise UserError("--variant names the pipeline's own folder; for a model elsewhere use --k, --mode and --out")
    asked = Variant.parse(variant)
    origin, inputs, recipe = context.paths.backbone(name), [], context.config.experiment.recipe
    if asked.rule is not None:
        audited = context.paths.audit(recipe, name)
        inputs.append(audited)
        asked = asked.chosen(predicted_scale(Audit.read(audited).predicted, asked))
    settings = context.settings("rescale", name=name, variant=variant)
    recorder = Recorder("rescale", settings, [origin / WEIGHTS, *inputs])
    context.device()
    with atomic_folder(context.paths.rescaled(name, asked.name, recipe)) as folder:
        make_rescaled(origin, asked, folder, title=name)
        recorder.write(folder / "record.json")
