"""Records of the stages: checked against the configuration, and summed up for the page."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rescalade.config import Config
from rescalade.errors import UserError
from rescalade.paths import Paths
from rescalade.pipeline.jobs import Job, make_jobs
from rescalade.pipeline.rows.reporting import INDEX_PAGE
from rescalade.pipeline.stage_row import as_json
from rescalade.record import Record

NOTHING = "nothing"
PAGES = ("tables", "figures", "index_page", "page")
"""Stages that show results; a report does not rest on itself."""


LABELS = {
    "source": "source {source}",
    "collection": "data set {dataset}",
    "triples": "triples-{recipe}",
    "backbone": "backbone {backbone}",
    "ready": "model {backbone}",
    "audit_backbone": "audit {backbone}",
    "rescale": "{backbone}/{variant}",
    "rescale_by_rule": "{backbone}/{variant}",
    "step0_loss": "step 0 of {backbone}/{variant}",
    "train": "run {run}",
    "bm25": "run bm25 on {dataset}",
    "score_bm25": "run bm25 on {dataset}",
    "random": "run random on {dataset}",
    "score_random": "run random on {dataset}",
    "take_run": "run {given} on {dataset}",
    "take_vectors": "run {given} on {dataset}",
    "score_given": "run {given} on {dataset}",
}
"""What messages call an output; that of a run on a data set where nothing is said."""


@dataclass
class StageCost:
    """seconds: summed over the outputs of a stage. memory: the largest peak, bytes."""

    outputs: int = 0
    seconds: float = 0.0
    longest: float = 0.0
    memory: float = math.nan


@dataclass
class Provenance:
    """made: distinct environments (versions, processor, revision). gpus: used. missing: outputs without a record."""

    costs: dict[str, StageCost] = field(default_factory=dict)
    made: list[Mapping[str, Any]] = field(default_factory=list)
    gpus: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Summed over all outputs; stages that ran side by side count in full."""
        return math.fsum(cost.seconds for cost in self.costs.values())


def recorded_jobs(config: Config, paths: Paths, backbone: str | None = None) -> list[Job]:
    """Jobs with a record on which the report, or the page of one backbone, rests, in the order of the pipeline."""
    start = (INDEX_PAGE, config.name) if backbone is None else ("page", config.name, backbone)
    jobs = make_jobs(config, paths, start).values()
    return [job for job in jobs if job.record is not None and job.rule not in PAGES]


def check_settings(config: Config, paths: Paths, backbone: str | None = None) -> None:
    """Refuse results that other settings made; of one backbone, or of the experiment.

    Raises:
        UserError: names the output, the key, what its record says and what the configuration says.
    """
    for job in recorded_jobs(config, paths, backbone):
        record = _record(job)
        if record is None or job.settings is None:
            continue
        difference = first_difference(json.loads(as_json(job.settings)), record.settings)
        if difference is not None:
            key, wanted, found = difference
            raise UserError(
                f"{_label(job)}: {record.stage} setting {key}: expected {wanted} (configuration), found {found} "
                f"({job.record}); make it again, or report with the configuration that made it"
            )


def _record(job: Job) -> Record | None:
    return None if job.record is None else Record.read_or_none(job.record)


def _label(job: Job) -> str:
    return LABELS.get(job.rule, "run {run} on {dataset}").format(**job.names)


def first_difference(expected: Any, found: Any, key: str = "") -> tuple[str, str, str] | None:
    """(dotted key, expected, found) of the first place where two JSON values differ, or None."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for name in sorted({*expected, *found}):
            inner = f"{key}.{name}" if key else name
            if name not in found:
                return inner, json.dumps(expected[name]), NOTHING
            if name not in expected:
                return inner, NOTHING, json.dumps(found[name])
            difference = first_difference(expected[name], found[name], inner)
            if difference is not None:
                return difference
        return None
    return None if expected == found else (key or "settings", json.dumps(expected), json.dumps(found))


def gather(config: Config, paths: Paths) -> Provenance:
    """Costs and environments over all records of the experiment."""
    found = Provenance()
    seen: set[str] = set()
    for job in recorded_jobs(config, paths):
        record = _record(job)
        if record is None:
            if any(path.exists() for path in job.outputs.values()):
                found.missing.append(_label(job))
            continue
        cost = found.costs.setdefault(record.stage, StageCost())
        cost.outputs += 1
        cost.seconds += record.seconds
        cost.longest = max(cost.longest, record.seconds)
        memory = float(record.peak_memory_bytes)
        cost.memory = memory if math.isnan(cost.memory) else max(cost.memory, memory)
        if record.made.gpu is not None and record.made.gpu not in found.gpus:
            found.gpus.append(record.made.gpu)
        made = record.made.model_dump(exclude={"gpu"})  # only a stage that has loaded torch knows of it
        text = json.dumps(made, sort_keys=True)
        if text not in seen:
            seen.add(text)
            found.made.append(made)
    return found


def configuration_digest(config: Config) -> str:
    """SHA-256 of the whole checked configuration, defaults included, and the experiment's name."""
    text = json.dumps([config.name, config.model.model_dump(mode="json")], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
