"""The graph, written once: what every stage reads, makes, keeps and needs.

One row per stage. Snakemake's rules, the command line, the plan, the report's list of records and the tests ask it; no
file of a stage is spelt anywhere else. A row is light: what it calls is named, and imported when it is called.

Names tell the jobs of a stage apart, in the order of its command line. `run` is RECIPE/BACKBONE/VARIANT/seedN. The
functions of outputs and caches take patterns for names as well as names, so that a rule can ask them too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rescalade.errors import unknown
from rescalade.paths import Paths, encoding, index, retrieved, scores, vectors
from rescalade.pipeline import stage_inputs as reads
from rescalade.pipeline import stage_settings as decided
from rescalade.pipeline.stage_inputs import Inputs
from rescalade.vectors.file_names import shard_digest_of, shard_name_of

if TYPE_CHECKING:
    from rescalade.config import Config
    from rescalade.strict import Strict

Names = Mapping[str, str]
Outputs = dict[str, Path]


def _nothing(_: Paths, __: Names) -> Outputs:
    return {}


@dataclass(frozen=True)
class Stage:
    """One stage of the pipeline.

    name: of the rule. command: what follows `rescalade` on the command line, with the names in braces. run: module and
    function, in which the digest of its code begins. inputs: by name, made by other stages or the user's own. outputs:
    by name; those among `folders` are folders. record: the output that keeps the record, or the folder that holds
    record.json; None for pages, which keep none. caches: folders that are no outputs and may be deleted. reads_records:
    whether it reads, where they are there, the records of all that it rests on. gpu: whether it uses one. threads,
    memory_mb, minutes: what a job asks for where nothing better is known.
    """

    name: str
    command: str
    names: tuple[str, ...]
    run: str
    settings: Callable[[Config, Names], Strict]
    inputs: Callable[[Config, Names], Inputs]
    outputs: Callable[[Paths, Names], Outputs]
    folders: tuple[str, ...] = ()
    record: str | None = "record"
    caches: Callable[[Paths, Names], Outputs] = _nothing
    reads_records: bool = False
    gpu: bool = False
    threads: int = 1
    memory_mb: int = 8000
    minutes: int = 60

    @property
    def kind(self) -> str:
        """What its records call it: the command, which several rules can share."""
        return self.command.split()[0]

    def record_path(self, paths: Paths, names: Names) -> Path | None:
        """The file that keeps its record."""
        if self.record is None:
            return None
        path = self.outputs(paths, names)[self.record]
        return path / "record.json" if self.record in self.folders else path


def _source(paths: Paths, names: Names) -> Outputs:
    return {"folder": paths.source(names["source"])}


def _collection(paths: Paths, names: Names) -> Outputs:
    folder = paths.dataset(names["dataset"])
    files = ("corpus", "queries", "qrels", "given")
    tables = {file: folder / f"{'given-triples' if file == 'given' else file}.parquet" for file in files}
    return {**tables, "manifest": folder / "manifest.json", "record": folder / "record.json"}


def _triples(paths: Paths, names: Names) -> Outputs:
    folder, stem = paths.dataset(names["dataset"]), f"triples-{names['recipe']}"
    ends = {"triples": ".parquet", "manifest": ".json", "record": ".record.json"}
    return {name: folder / f"{stem}{end}" for name, end in ends.items()}


def _backbone(paths: Paths, names: Names) -> Outputs:
    return {"model": paths.backbone(names["backbone"])}


def _audit(paths: Paths, names: Names) -> Outputs:
    path = paths.audit(names["recipe"], names["backbone"])
    return {"audit": path, "record": path.with_name(f"{names['backbone']}.record.json")}


def _rescale(paths: Paths, names: Names) -> Outputs:
    return {"model": paths.results / "rescaled" / names["backbone"] / names["variant"]}


def _rescale_by_rule(paths: Paths, names: Names) -> Outputs:
    """A k that a rule chooses depends on the recipe, whose text it saw."""
    return {"model": paths.results / "rescaled" / names["backbone"] / names["recipe"] / names["variant"]}


def _train(paths: Paths, names: Names) -> Outputs:
    folder = _run(paths, names)
    files = {"history": "history.parquet", "outcome": "outcome.json", "record": "train.record.json"}
    return {"model": folder / "model", **{name: folder / file for name, file in files.items()}}


def _encode_shard(paths: Paths, names: Names) -> Outputs:
    folder = encoding(_run(paths, names), names["dataset"])
    return {"shard": folder / shard_name_of(names["shard"]), "digest": folder / shard_digest_of(names["shard"])}


def _encode(paths: Paths, names: Names) -> Outputs:
    return {"vectors": vectors(_run(paths, names), names["dataset"])}


def _index(paths: Paths, names: Names) -> Outputs:
    return {"index": index(_run(paths, names), names["dataset"])}


def _search(paths: Paths, names: Names) -> Outputs:
    path = retrieved(_run(paths, names), names["dataset"])
    return {"retrieved": path, "timings": path.with_name(f"{names['dataset']}.json"), "record": _beside(path, names)}


def _score(paths: Paths, names: Names) -> Outputs:
    return _scored(_run(paths, names), names)


def _score_bm25(paths: Paths, names: Names) -> Outputs:
    return _scored(paths.bm25(), names)


def _bm25(paths: Paths, names: Names) -> Outputs:
    path = retrieved(paths.bm25(), names["dataset"])
    return {"retrieved": path, "record": _beside(path, names)}


def _tables(paths: Paths, names: Names) -> Outputs:
    return {"tables": paths.experiment(names["experiment"]) / "tables"}


def _figures(paths: Paths, names: Names) -> Outputs:
    return {"figures": paths.experiment(names["experiment"]) / "figures"}


def _page(paths: Paths, names: Names) -> Outputs:
    return {"page": paths.experiment(names["experiment"]) / f"{names['backbone']}.html"}


def _report(paths: Paths, names: Names) -> Outputs:
    folder = paths.experiment(names["experiment"])
    return {"page": folder / "index.html", "record": folder / "record.json"}


def _scored(folder: Path, names: Names) -> Outputs:
    path = scores(folder, names["dataset"])
    return {
        "scores": path,
        "per_query": path.with_name(f"{names['dataset']}.per-query.parquet"),
        "record": _beside(path, names),
    }


def _beside(path: Path, names: Names) -> Path:
    return path.with_name(f"{names['dataset']}.record.json")


def _run(paths: Paths, names: Names) -> Path:
    return paths.results / "runs" / names["run"]


def _unfinished(paths: Paths, _: Names) -> Outputs:
    return {"unfinished": paths.checkpoints, "hub": paths.hub}


def _train_caches(paths: Paths, names: Names) -> Outputs:
    return {"unfinished": paths.checkpoints, "tensorboard": paths.tensorboard(names["run"])}


def _encode_caches(paths: Paths, names: Names) -> Outputs:
    folder = _run(paths, names)
    growing, earlier = encoding(folder, names["dataset"]), vectors(folder, names["dataset"])
    return {"tokens": paths.tokens(names["dataset"]), "encoding": growing, "vectors": earlier}


_ROWS = (
    Stage(
        "source",
        "source {source}",
        ("source",),
        "rescalade.data.source_stage:run_source",
        decided.source,
        reads.source,
        _source,
        folders=("folder",),
        record="folder",
        threads=2,
        memory_mb=4000,
    ),
    Stage(
        "collection",
        "collection {dataset}",
        ("dataset",),
        "rescalade.data.collection_stage:run_collection",
        decided.collection,
        reads.collection,
        _collection,
        memory_mb=4000,
    ),
    Stage(
        "triples",
        "triples {dataset} --recipe {recipe}",
        ("dataset", "recipe"),
        "rescalade.triples.triples_stage:run_triples",
        decided.triples,
        reads.triples,
        _triples,
        minutes=120,
    ),
    Stage(
        "backbone",
        "backbone {backbone}",
        ("backbone",),
        "rescalade.backbones.backbone_stage:run_backbone",
        decided.backbone,
        reads.backbone,
        _backbone,
        folders=("model",),
        record="model",
        caches=_unfinished,
        gpu=True,
        minutes=240,
    ),
    Stage(
        "audit_backbone",
        "audit {backbone} --recipe {recipe}",
        ("backbone", "recipe"),
        "rescalade.audit.audit_stage:run_audit",
        decided.audit,
        reads.audit,
        _audit,
        gpu=True,
    ),
    Stage(
        "rescale",
        "rescale {backbone} --variant {variant}",
        ("backbone", "variant"),
        "rescalade.rescaling.rescale_stage:run_rescale",
        decided.rescale,
        reads.rescale,
        _rescale,
        folders=("model",),
        record="model",
        minutes=30,
    ),
    Stage(
        "rescale_by_rule",
        "rescale {backbone} --variant {variant} --recipe {recipe}",
        ("backbone", "variant", "recipe"),
        "rescalade.rescaling.rescale_stage:run_rescale",
        decided.rescale,
        reads.rescale,
        _rescale_by_rule,
        folders=("model",),
        record="model",
        minutes=30,
    ),
    Stage(
        "train",
        "train {run}",
        ("run",),
        "rescalade.training.train_stage:run_train",
        decided.train,
        reads.train,
        _train,
        folders=("model",),
        caches=_train_caches,
        gpu=True,
        minutes=720,
    ),
    Stage(
        "encode_shard",
        "encode {run} {dataset} --shard {shard}",
        ("run", "dataset", "shard"),
        "rescalade.encoding.encode_stage:run_encode_shard",
        decided.encode,
        reads.encode_shard,
        _encode_shard,
        record=None,
        caches=_encode_caches,
        gpu=True,
        minutes=720,
    ),
    Stage(
        "encode",
        "encode {run} {dataset}",
        ("run", "dataset"),
        "rescalade.encoding.encode_stage:run_encode",
        decided.encode,
        reads.encode,
        _encode,
        folders=("vectors",),
        record="vectors",
        caches=_encode_caches,
        gpu=True,
        minutes=720,
    ),
    Stage(
        "index",
        "index {run} {dataset}",
        ("run", "dataset"),
        "rescalade.retrieval.index_stage:run_index",
        decided.index,
        reads.index,
        _index,
        folders=("index",),
        record="index",
        minutes=120,
    ),
    Stage(
        "search",
        "search {run} {dataset}",
        ("run", "dataset"),
        "rescalade.retrieval.search_stage:run_search",
        decided.search,
        reads.search,
        _search,
        minutes=240,
    ),
    Stage(
        "score",
        "score {run} {dataset}",
        ("run", "dataset"),
        "rescalade.scoring.score_stage:run_score",
        decided.score,
        reads.score,
        _score,
        memory_mb=4000,
    ),
    Stage(
        "bm25",
        "bm25 {dataset}",
        ("dataset",),
        "rescalade.retrieval.bm25_stage:run_bm25",
        decided.search,
        reads.bm25,
        _bm25,
        minutes=240,
    ),
    Stage(
        "score_bm25",
        "score bm25 {dataset}",
        ("dataset",),
        "rescalade.scoring.score_stage:run_score",
        decided.score,
        reads.score_bm25,
        _score_bm25,
        memory_mb=4000,
    ),
    Stage(
        "page",
        "report --page {backbone}",
        ("experiment", "backbone"),
        "rescalade.report.page_stage:run_page",
        decided.page,
        reads.page,
        _page,
        record=None,
        reads_records=True,
        memory_mb=2000,
        minutes=30,
    ),
    Stage(
        "tables",
        "tables",
        ("experiment",),
        "rescalade.report.tables_stage:run_tables",
        decided.report,
        reads.shown,
        _tables,
        folders=("tables",),
        record="tables",
        memory_mb=2000,
        minutes=30,
    ),
    Stage(
        "figures",
        "figures",
        ("experiment",),
        "rescalade.report.figures_stage:run_figures",
        decided.report,
        reads.shown,
        _figures,
        folders=("figures",),
        record="figures",
        memory_mb=2000,
        minutes=30,
    ),
    Stage(
        "report",
        "report --page index",
        ("experiment",),
        "rescalade.report.page_stage:run_page",
        decided.report,
        reads.report,
        _report,
        reads_records=True,
        memory_mb=2000,
        minutes=30,
    ),
)
STAGES: Mapping[str, Stage] = {row.name: row for row in _ROWS}
"""By the name of the rule, in the order of the pipeline."""


def stage(name: str) -> Stage:
    """The row of a stage.

    Raises:
        UserError: there is none of that name.
    """
    if name not in STAGES:
        raise unknown("stage", name, STAGES)
    return STAGES[name]
