"""The digest of the code behind one job: that of its stage, of its kind of source, of its kind of model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from rescalade.config import Config
from rescalade.data.dataset_config import DatasetConfig
from rescalade.models.families import OTHER_NAMES
from rescalade.pipeline.digest import code_digest
from rescalade.runs import Run

known = cache(code_digest)


def job_code(config: Config, rule: str, names: Mapping[str, str]) -> str:
    """Digest of the code that a job runs, by the names that tell it from others of its rule."""
    modules: Sequence[str] = ()
    if rule == "source":
        modules = config.source(names["source"]).modules()
    elif rule == "collection":
        entry: DatasetConfig = config.dataset(names["dataset"])
        modules = entry.modules(config.source(entry.source))
    return known(rule, model_type(config, names), tuple(modules))


def model_type(config: Config, names: Mapping[str, str]) -> str | None:
    """The model type, transformers' word for the architecture, of the backbone that a job works on.

    As far as the configuration or a local folder says it; None for a model of the hub whose entry does not say it, and
    for jobs without a backbone.
    """
    name = names.get("backbone") or (Run.parse(names["run"]).backbone if "run" in names else None)
    if name is None or name not in config.model.backbones:
        return None
    chosen = config.backbone(name)
    if chosen.of is not None:
        return model_type(config, {"backbone": chosen.of})
    if chosen.pretrain is not None:
        return chosen.pretrain.family
    if chosen.path is None:
        return OTHER_NAMES.get(chosen.model_type or "", chosen.model_type)
    try:
        found = json.loads((Path(chosen.path).expanduser() / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(found, dict) or "model_type" not in found:
        return None
    return OTHER_NAMES.get(str(found["model_type"]), str(found["model_type"]))
