"""A model of the hub arrives for a stage: at one commit, of the type that the configuration says."""

from __future__ import annotations

import logging
from pathlib import Path

from rescalade.atomic import read_json, write_json
from rescalade.backbones.hub import Arrived, fetch
from rescalade.backbones.hub_lock import HubLock
from rescalade.backbones.settings import BackboneSettings, ReadySettings
from rescalade.errors import UserError
from rescalade.stage import Call

log = logging.getLogger(__name__)
ORIGIN = "origin.json"
"""Beside the weights: id, revision as it was asked for, commit."""


def arrive(settings: BackboneSettings | ReadySettings, folder: Path, call: Call) -> Arrived:
    """Have a model of the hub in the hub's cache, and write into `folder` which commit it is.

    Raises:
        UserError: it does not arrive, or is of another model type than the configuration says.
    """
    name, hub_id, revision = call.names["backbone"], str(settings.id), str(settings.revision)
    lock = HubLock(call.caches["hub"])
    arrived = fetch(hub_id, revision, lock=lock, known=settings.known, copy_to=folder)
    log.info("backbone %s: %s at commit %s", name, hub_id, arrived.commit)
    if settings.model_type is not None:
        declared = read_json(arrived.folder / "config.json")
        model_type = declared.get("model_type") if isinstance(declared, dict) else None
        if settings.model_type != model_type:
            raise UserError(
                f"backbone {name}: model_type {settings.model_type!r} is said of it, but config.json of {hub_id} at "
                f"{arrived.commit} has {model_type!r}; correct the entry's model_type, or leave it out"
            )
    if revision != arrived.commit:
        log.info("backbone %s: later runs take this commit too, from %s", name, lock.path(hub_id, revision))
    write_json(folder / ORIGIN, {"id": hub_id, "revision": revision, "commit": arrived.commit})
    return arrived
