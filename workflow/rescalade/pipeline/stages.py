"""The settings that make each stage's output, and the digest of the code that does.

Both become parameters of the Snakemake rule and are saved beside the output, so that a stage runs
again exactly when its meaning changed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rescalade.config import Config, Run
from rescalade.config.errors import unknown
from rescalade.data.collection_stage import CollectionSettings
from rescalade.data.source_stage import SourceSettings
from rescalade.errors import UserError
from rescalade.paths import Paths
from rescalade.pipeline.digest import code_digest
from rescalade.scoring.measures import measure, scored, tabulated
from rescalade.variants import Variant

__all__ = ["STAGES", "code_digest", "parse_run", "stage_settings"]

STAGES = (
    "source",
    "collection",
    "triples",
    "backbone",
    "audit",
    "rescale",
    "train",
    "encode",
    "index",
    "search",
    "score",
    "bm25",
    "tables",
    "figures",
    "report",
)


def parse_run(text: str) -> Run:
    """recipe/backbone/variant/seedN, the path of a run under results/runs.

    Raises:
        UserError: the text has another form.
    """
    parts = text.strip("/").split("/")
    if len(parts) != 4 or not parts[3].startswith("seed") or not parts[3][4:].isdigit():
        raise UserError(f"run {text!r}: expected RECIPE/BACKBONE/VARIANT/seedN, for example mini/bert-small/k4/seed1")
    return Run(parts[0], parts[1], Variant.parse(parts[2]), int(parts[3][4:]))


def _own_run(config: Config, text: str) -> tuple[Run, str]:
    """A run and the experiment that decides its settings: the chosen one, or one that it shows along.

    Raises:
        UserError: it names the recipe of another experiment.
    """
    run = parse_run(text)
    experiment = config.experiment_of(run.recipe)
    if experiment is None:
        raise UserError(
            f"run {text!r} is by recipe {run.recipe!r}, but experiment {config.name!r} trains by "
            f"{config.experiment.recipe!r}; name the run's experiment with --experiment"
        )
    return run, experiment


def stage_settings(config: Config, stage: str, **wildcards: str) -> str:
    """Settings of one stage as sorted JSON.

    Only what the stage itself reads: inputs carry their own settings, so a change travels along the
    graph and no further. Numbers of the experiment's selection (which runs there are) are not settings.

    Args:
        stage: one of STAGES.
        wildcards: name, dataset, recipe, run, variant, by the names the command line uses.
    """
    if stage not in STAGES:
        raise unknown("stage", stage, STAGES)
    return json.dumps(_settings(config, stage, wildcards), sort_keys=True)


def _settings(config: Config, stage: str, wildcards: dict[str, str]) -> Any:
    if stage == "source":
        return source_settings(config, wildcards["name"]).model_dump(mode="json")
    if stage == "collection":
        return collection_settings(config, wildcards["dataset"]).model_dump(mode="json")
    if stage == "triples":
        identical = config.dataset(wildcards["dataset"]).drop_identical_ids
        return {**config.recipe_named(wildcards["recipe"]).mining.model_dump(), "drop_identical_ids": identical}
    if stage == "backbone":
        return config.backbone(wildcards["name"]).model_dump(
            include={"source", "pretrain", "path", "id", "revision", "of", "factor"}, exclude_none=True
        )
    if stage == "audit":
        return _audit(config, wildcards["name"])
    if stage == "rescale":
        return _rescale(Variant.parse(wildcards["variant"]))
    if stage == "train":
        run, experiment = _own_run(config, wildcards["run"])
        train = config.train_settings(run.backbone, experiment).model_dump()
        return {**train, "seed": run.seed, "train_on": config.experiment.train_on}
    if stage == "encode":
        return _encode(config, config.dataset(wildcards["dataset"]).corpus)
    if stage in ("search", "bm25"):
        dataset = config.dataset(wildcards["dataset"])
        return {"depth": dataset.depth, "drop_identical_ids": dataset.drop_identical_ids}
    if stage == "score":
        dataset = config.dataset(wildcards["dataset"])
        return {"measures": [measure.name for measure in scored(dataset)], "minimum_grade": dataset.minimum_grade}
    if stage == "index":
        return {}
    return _selection(config)


def source_settings(config: Config, name: str) -> SourceSettings:
    """Settings of the stage `source`: a source, and all that any data set takes from it."""
    entries = map(config.dataset, config.counted("datasets", ("sources", name)))
    wanted = {want for entry in entries if entry.source == name for want in entry.wants()}
    return SourceSettings(name=name, source=config.source(name), wanted=tuple(sorted(wanted)))


def collection_settings(config: Config, dataset: str) -> CollectionSettings:
    """Settings of the stage `collection`."""
    entry = config.dataset(dataset)
    return CollectionSettings(dataset=dataset, entry=entry, source=config.source(entry.source))


def collection_inputs(config: Config, paths: Paths, dataset: str) -> dict[str, Path]:
    """What a data set is made from: a source that has a stage, files of the user, a set with the same documents."""
    entry = config.dataset(dataset)
    staged = {"source": paths.source(entry.source)} if config.source(entry.source).has_stage else {}
    shared = (
        {}
        if entry.corpus is None
        else {
            "shared_corpus": paths.dataset(entry.corpus) / "corpus.parquet",
            "shared_manifest": paths.dataset(entry.corpus) / "manifest.json",
        }
    )
    return {**staged, **entry.reads(), **shared}


def shard_jobs(config: Config, dataset: str) -> int:
    """Shards of a data set that are encoded by jobs of their own: all, where that is wanted and its size is known."""
    documents = (config.dataset(dataset).documents or 0) if config.model.retrieval.shard_jobs else 0
    shards = -(-documents // config.model.retrieval.shard_documents)
    return shards if shards > 1 else 0


def audit_variants(config: Config, backbone: str) -> list[Variant]:
    """What an audit tries beside its own grid: every variant of the backbone in any experiment of the same recipe.

    Not only the chosen experiment's: experiments share an audit, and going from one to the other must not redo it.
    """
    recipe = config.experiment.recipe
    counted = config.counted("experiments", ("recipes", recipe))
    experiments = [name for name in counted if config.model.experiments[name].recipe == recipe]
    tried = {run.variant for name in experiments for run in config.runs(name) if run.backbone == backbone}
    return sorted(tried, key=lambda variant: variant.name)


def _audit(config: Config, backbone: str) -> Any:
    train = config.train_settings(backbone)
    return {
        "train_on": config.experiment.train_on,
        "variants": [variant.name for variant in audit_variants(config, backbone)],
        "batch_size": train.batch_size,
        "query_length": train.query_length,
        "document_length": train.document_length,
        "pool_special_tokens": train.pool_special_tokens,
        "temperature": train.temperature,
        "inflate": config.backbone(backbone).factor,
    }


def _rescale(variant: Variant) -> Any:
    return {"scale": variant.scale, "mode": variant.mode, "bias": variant.bias, "rule": variant.rule}


def _encode(config: Config, corpus: str | None) -> Any:
    """Of lengths and precision only what overrides the model's own."""
    retrieval = config.model.retrieval
    return {
        "query_length": retrieval.query_length,
        "document_length": retrieval.document_length,
        "precision": None if retrieval.precision == "auto" else retrieval.precision,
        "shard_documents": retrieval.shard_documents,
        "batch_tokens": retrieval.batch_tokens,
        "weights": retrieval.weights,
        "top_terms": retrieval.top_terms,
        "shard_bytes": retrieval.shard_bytes,
        "head_backend": retrieval.head_backend,
        "corpus": corpus,
    }


def _selection(config: Config) -> Any:
    """What decides a report: the experiment, its titles and labels."""
    backbones = {
        name: config.backbone(name).model_dump(include={"title", "head", "twin", "factor"})
        for name in config.backbones()
    }
    titles = {name: config.title("dataset", name) for name in config.evaluation_sets()}
    sets = {name: config.dataset(name) for name in config.evaluation_sets()}
    settings = {name: config.train_settings(name).model_dump() for name in config.backbones()}
    return {
        "name": config.name,
        "experiment": config.experiment.model_dump(exclude={"train"}, exclude_defaults=True),
        "backbones": backbones,
        "titles": titles,
        "metrics": {name: measure(entry.metric).name for name, entry in sets.items()},
        "measures": {name: [shown.name for shown in tabulated(entry)] for name, entry in sets.items()},
        "train": settings,
    }
