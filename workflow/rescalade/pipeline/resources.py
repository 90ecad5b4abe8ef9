"""What a job asks Snakemake and the cluster for: GPUs, memory, time."""

from __future__ import annotations

import math
from collections.abc import Mapping

from rescalade.config import Config
from rescalade.paths import Paths
from rescalade.pipeline.graph import stage
from rescalade.pipeline.jobs import Job
from rescalade.pipeline.plan.assumptions import Assumptions
from rescalade.pipeline.plan.work import measure_work, weights_of
from rescalade.pipeline.rows.runs import own_run
from rescalade.runs import Run

TRAINING_BYTES = 20
"""Per weight: the weight, its gradient, Adam's two moments and a checkpoint on its way to the disk, float32."""
LOADING_BYTES = 8
"""Per weight: the file and the model."""
PROGRAM_MB = 3000
"""Python with torch and transformers, and the texts of a part."""
MARGIN = 3
"""Times the estimated time: a GPU that is shared or older, a slow disk."""


def devices(config: Config, names: Mapping[str, str]) -> int:
    """Devices that train a run, or adapt a backbone, together: the backbone's own number, else the recipe's.

    No part of a run's meaning: the loss of a step is the same for any number.
    """
    recipe, backbone = names.get("recipe", ""), names.get("backbone", "")
    if "run" in names:
        run, _ = own_run(config, names["run"])
        recipe, backbone = run.recipe, run.backbone
    own = config.backbone(backbone).devices
    return own if own is not None else config.recipe_named(recipe).devices


def resources(config: Config, paths: Paths, rule: str, names: Mapping[str, str], *, gpu: bool) -> dict[str, int]:
    """What a job asks for: its row's figures, or more where backbone and data need it.

    Args:
        gpu: whether the call provides GPUs at all. Without, time is not estimated: the estimates are of GPUs.

    Returns:
        By Snakemake's names: gpu, devices; mem_mb and runtime, in minutes, limits that a cluster holds the job to.
    """
    row = stage(rule)
    count = (devices(config, names) if rule in ("train", "adapt") else 1) if row.gpu and gpu else 0
    memory, minutes = row.memory_mb, row.minutes
    phase = config.recipe_named(names["recipe"]).adaptation if rule == "adapt" else None
    if phase is not None:
        bytes_each = TRAINING_BYTES if phase.lora is None else LOADING_BYTES
        memory = max(memory, PROGRAM_MB + math.ceil(weights_of(config, paths, names["backbone"]) * bytes_each / 1e6))
    if "run" in names and row.gpu:
        run = Run.parse(names["run"])
        training = rule == "train" and config.run_settings(run).lora is None
        weights = weights_of(config, paths, Run.parse(names["run"]).backbone)
        bytes_each = TRAINING_BYTES if training else LOADING_BYTES
        memory = max(memory, PROGRAM_MB + math.ceil(weights * bytes_each / 1e6))
        if count:
            job = Job(config, paths, (rule, *(names[name] for name in row.names)))
            work = measure_work(config, paths, {job.key: job}, [job.key], Assumptions())
            hours = (work.train_hours + work.encode_hours) / count
            minutes = max(minutes, math.ceil(MARGIN * hours * 60))
    return {"gpu": count, "mem_mb": memory, "runtime": minutes}
