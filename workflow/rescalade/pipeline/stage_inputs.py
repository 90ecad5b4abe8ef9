"""What every stage reads: outputs of other stages, or files of the user's own.

An input names the stage, its names and its output, never a path, so that the same words give Snakemake its files and
the plan its order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rescalade.runs import Run

if TYPE_CHECKING:
    from rescalade.config import Config

Names = Mapping[str, str]


@dataclass(frozen=True)
class Made:
    """An output of a job: its stage, the values of its names in their order, and the name of the output."""

    stage: str
    values: tuple[str, ...]
    output: str


Inputs = dict[str, Made | Path | list[Made]]
"""A list is there for the order of jobs alone, or for a report, which finds its files by the configuration."""
TEXTS = ("corpus", "queries", "manifest")
COLLECTION = (*TEXTS, "qrels")


def source(_: Config, __: Names) -> Inputs:
    """Nothing of the pipeline: packages that are installed, or a download."""
    return {}


def collection(config: Config, names: Names) -> Inputs:
    """A source that has a stage of its own, the user's files, and another set with the same documents."""
    entry = config.dataset(names["dataset"])
    found: Inputs = {}
    if config.source(entry.source).has_stage:
        found["source"] = Made("source", (entry.source,), "folder")
    found |= entry.reads()
    if entry.corpus is not None:
        found |= {f"shared_{name}": made for name, made in _collection(entry.corpus, "corpus", "manifest").items()}
    return found


def triples(_: Config, names: Names) -> Inputs:
    """The collection, with the triples that it brings."""
    return _collection(names["dataset"], *COLLECTION, "given")


def backbone(config: Config, names: Names) -> Inputs:
    """Text to pretrain on, another backbone, a local folder; nothing for one from the hub."""
    chosen = config.backbone(names["backbone"])
    if chosen.pretrain is not None:
        return _collection(chosen.pretrain.text, *COLLECTION)
    if chosen.of is not None:
        return {"model": Made("backbone", (chosen.of,), "model")}
    return {} if chosen.path is None else {"origin": Path(chosen.path).expanduser()}


def audit(config: Config, names: Names) -> Inputs:
    """The backbone and the training text of the experiment."""
    return {"model": Made("backbone", (names["backbone"],), "model"), **_training(config, names["recipe"])}


def rescale(_: Config, names: Names) -> Inputs:
    """The backbone; its audit as well where a rule chooses k."""
    found: Inputs = {"model": Made("backbone", (names["backbone"],), "model")}
    if "recipe" in names:
        found["audit"] = Made("audit_backbone", (names["backbone"], names["recipe"]), "audit")
    return found


def train(config: Config, names: Names) -> Inputs:
    """The divided backbone and the training text."""
    run = Run.parse(names["run"])
    divided = Made("rescale", (run.backbone, run.variant.name), "model")
    if run.variant.rule is not None:
        divided = Made("rescale_by_rule", (run.backbone, run.variant.name, run.recipe), "model")
    return {"model": divided, **_training(config, run.recipe)}


def encode_shard(_: Config, names: Names) -> Inputs:
    """The trained model and the texts."""
    return {"model": Made("train", (names["run"],), "model"), **_collection(names["dataset"], *TEXTS)}


def encode(config: Config, names: Names) -> Inputs:
    """The inputs of a shard; the shards that jobs of their own encode; the set whose documents these are."""
    corpus = config.dataset(names["dataset"]).corpus
    found = encode_shard(config, names)
    if corpus is not None:
        return {**found, "shared_manifest": Made("collection", (corpus,), "manifest")}
    shards = range(shard_jobs(config, names["dataset"]))
    values = [(names["run"], names["dataset"], f"{number:05d}") for number in shards]
    found["shards"] = [Made("encode_shard", value, output) for value in values for output in ("shard", "digest")]
    return found


def index(_: Config, names: Names) -> Inputs:
    """The vectors."""
    return {"vectors": Made("encode", (names["run"], names["dataset"]), "vectors")}


def search(config: Config, names: Names) -> Inputs:
    """The queries' vectors; index and vectors of the set whose documents are searched."""
    run, corpus = names["run"], config.dataset(names["dataset"]).corpus or names["dataset"]
    return {
        "index": Made("index", (run, corpus), "index"),
        "documents": Made("encode", (run, corpus), "vectors"),
        "vectors": Made("encode", (run, names["dataset"]), "vectors"),
    }


def score(config: Config, names: Names) -> Inputs:
    """The ranking with its timings, the vectors of queries and documents, and the judgements."""
    run, dataset = names["run"], names["dataset"]
    return {
        "retrieved": Made("search", (run, dataset), "retrieved"),
        "timings": Made("search", (run, dataset), "timings"),
        "vectors": Made("encode", (run, dataset), "vectors"),
        "documents": Made("encode", (run, config.dataset(dataset).corpus or dataset), "vectors"),
        **_collection(dataset, *COLLECTION),
    }


def bm25(_: Config, names: Names) -> Inputs:
    """The texts."""
    return _collection(names["dataset"], *TEXTS)


def score_bm25(_: Config, names: Names) -> Inputs:
    """The ranking and the judgements."""
    return {"retrieved": Made("bm25", (names["dataset"],), "retrieved"), **_collection(names["dataset"], *COLLECTION)}


def shown(config: Config, _: Names) -> Inputs:
    """What tables and figures show: everything of all backbones."""
    return _results(config, config.backbones())


def page(config: Config, names: Names) -> Inputs:
    """What the page of one backbone shows."""
    return _results(config, [names["backbone"]])


def report(config: Config, names: Names) -> Inputs:
    """What tables and figures show, these, and the pages of the backbones."""
    experiment = names["experiment"]
    return {
        **shown(config, names),
        "tables": Made("tables", (experiment,), "tables"),
        "figures": Made("figures", (experiment,), "figures"),
        "pages": [Made("page", (experiment, name), "page") for name in config.backbones()],
    }


def shard_jobs(config: Config, dataset: str) -> int:
    """Shards of a data set that are encoded by jobs of their own: all, where that is wanted and its size is known."""
    documents = (config.dataset(dataset).documents or 0) if config.model.retrieval.shard_jobs else 0
    shards = -(-documents // config.model.retrieval.shard_documents)
    return shards if shards > 1 else 0


def _results(config: Config, backbones: Iterable[str]) -> Inputs:
    chosen, datasets = set(backbones), config.evaluation_sets()
    runs = [run.folder for run in config.runs() if run.backbone in chosen]
    others = [run.folder for run in config.others() if run.backbone in chosen]
    recipe = config.experiment.recipe
    ordered = [name for name in config.backbones() if name in chosen]

    def scored(output: str, names: Iterable[str]) -> list[Made]:
        return [Made("score", (run, dataset), output) for run in names for dataset in datasets]

    return {
        "backbones": [Made("backbone", (name,), "model") for name in ordered],
        "audits": [Made("audit_backbone", (name, recipe), "audit") for name in ordered],
        "histories": [Made("train", (run,), "history") for run in runs],
        "outcomes": [Made("train", (run,), "outcome") for run in [*runs, *others]],
        "scores": scored("scores", [*runs, *others]),
        "per_query": scored("per_query", runs),
        "baseline": [Made("score_bm25", (dataset,), "scores") for dataset in datasets],
        "baseline_per_query": [Made("score_bm25", (dataset,), "per_query") for dataset in datasets],
        "manifests": [
            Made("collection", (dataset,), "manifest")
            for dataset in dict.fromkeys([config.experiment.train_on, *datasets])
        ],
    }


def _training(config: Config, recipe: str) -> Inputs:
    data = config.experiment.train_on
    return {
        **_collection(data, *TEXTS),
        "triples": Made("triples", (data, recipe), "triples"),
        "triples_manifest": Made("triples", (data, recipe), "manifest"),
    }


def _collection(dataset: str, *outputs: str) -> Inputs:
    return {output: Made("collection", (dataset,), output) for output in outputs}
