"""Records of the stages: checked against the configuration, and summed up for the page."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rescalade.config import Config
from rescalade.errors import UserError
from rescalade.paths import Paths
from rescalade.report.results.load import read_json
from rescalade.report.results.numbers import as_float

NOTHING = "nothing"


@dataclass(frozen=True)
class Output:
    """One output of a stage. made: a file whose presence means that it exists; record: its record."""

    stage: str
    name: str
    wildcards: Mapping[str, str]
    made: Path
    record: Path


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


def outputs(config: Config, paths: Paths, backbone: str | None = None) -> Iterator[Output]:
    """Every output that the report, or the page of one backbone, rests on, in the order of the graph."""
    backbones = config.backbones() if backbone is None else [backbone]
    runs = [run for run in config.runs() if run.backbone in backbones]
    experiment = config.experiment
    datasets = list(dict.fromkeys([experiment.train_on, *config.evaluation_sets()]))
    sources = dict.fromkeys(config.dataset(dataset).source for dataset in datasets)
    for name in (source for source in sources if config.source(source).has_stage):
        folder = paths.source(name)
        yield Output("source", f"source {name}", {"name": name}, folder / "manifest.json", folder / "record.json")
    for name in datasets:
        folder = paths.dataset(name)
        made, record = folder / "manifest.json", folder / "record.json"
        yield Output("collection", f"data set {name}", {"dataset": name}, made, record)
    recipe, folder = experiment.recipe, paths.dataset(experiment.train_on)
    stem, wildcards = f"triples-{recipe}", {"dataset": experiment.train_on, "recipe": recipe}
    yield Output("triples", stem, wildcards, folder / f"{stem}.parquet", folder / f"{stem}.record.json")
    for name in backbones:
        folder, audit = paths.backbone(name), paths.audit(config.experiment.recipe, name)
        yield Output("backbone", f"backbone {name}", {"name": name}, folder / "record.json", folder / "record.json")
        yield Output("audit", f"audit {name}", {"name": name}, audit, audit.with_name(f"{name}.record.json"))
    for name, variant in dict.fromkeys((run.backbone, run.variant.name) for run in runs):
        folder = paths.rescaled(name, variant, recipe)
        wildcards = {"name": name, "variant": variant}
        yield Output("rescale", f"{name}/{variant}", wildcards, folder / "record.json", folder / "record.json")
    others = [run for run in config.others() if run.backbone in backbones]
    for run in [*runs, *others]:
        folder, name = paths.run(run), run.folder
        yield Output("train", f"run {name}", {"run": name}, folder / "outcome.json", folder / "train.record.json")
        for dataset in config.evaluation_sets():
            yield from _evaluation(folder, name, dataset)
    for dataset in config.evaluation_sets():
        folder, label = paths.bm25(), f"run bm25 on {dataset}"
        made, record = folder / "retrieved" / f"{dataset}.trec.gz", folder / "retrieved" / f"{dataset}.record.json"
        yield Output("bm25", label, {"dataset": dataset}, made, record)
        yield _score(folder, "bm25", dataset)


def check_settings(config: Config, paths: Paths, backbone: str | None = None) -> None:
    """Refuse results that other settings made; of one backbone, or of the experiment.

    Raises:
        UserError: names the output, the key, what its record says and what the configuration says.
    """
    from rescalade.pipeline.stages import stage_settings

    for output in outputs(config, paths, backbone):
        record = read_json(output.record)
        if record is None:
            continue
        expected = json.loads(stage_settings(config, output.stage, **output.wildcards))
        difference = first_difference(expected, record.get("settings"))
        if difference is not None:
            key, wanted, found = difference
            raise UserError(
                f"{output.name}: {output.stage} setting {key}: expected {wanted} (configuration), found {found} "
                f"({output.record}); make it again, or report with the configuration that made it"
            )


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
    for output in outputs(config, paths):
        record = read_json(output.record)
        if record is None:
            if output.made.exists():
                found.missing.append(output.name)
            continue
        cost = found.costs.setdefault(output.stage, StageCost())
        cost.outputs += 1
        seconds, memory = as_float(record.get("seconds")), as_float(record.get("peak_memory_bytes"))
        if math.isfinite(seconds):
            cost.seconds += seconds
            cost.longest = max(cost.longest, seconds)
        if math.isfinite(memory):
            cost.memory = memory if math.isnan(cost.memory) else max(cost.memory, memory)
        made = {key: value for key, value in (record.get("made") or {}).items() if key != "gpu"}
        gpu = (record.get("made") or {}).get("gpu")  # only a stage that has loaded torch knows of it
        if gpu is not None and gpu not in found.gpus:
            found.gpus.append(gpu)
        text = json.dumps(made, sort_keys=True)
        if text not in seen:
            seen.add(text)
            found.made.append(made)
    return found


def configuration_digest(config: Config) -> str:
    """SHA-256 of the whole checked configuration, defaults included, and the experiment's name."""
    text = json.dumps([config.name, config.model.model_dump(mode="json")], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _evaluation(folder: Path, run: str, dataset: str) -> Iterator[Output]:
    wildcards, label = {"run": run, "dataset": dataset}, f"run {run} on {dataset}"
    for stage, inner in (("encode", "vectors"), ("index", "index")):
        where = folder / inner / dataset
        yield Output(stage, label, wildcards, where / "manifest.json", where / "record.json")
    found = folder / "retrieved"
    yield Output("search", label, wildcards, found / f"{dataset}.trec.gz", found / f"{dataset}.record.json")
    yield _score(folder, run, dataset)


def _score(folder: Path, run: str, dataset: str) -> Output:
    where = folder / "scores"
    made, record = where / f"{dataset}.json", where / f"{dataset}.record.json"
    return Output("score", f"run {run} on {dataset}", {"run": run, "dataset": dataset}, made, record)
