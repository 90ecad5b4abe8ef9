"""The jobs of an experiment's report, as the rules make them.

The same count as `snakemake -n`, without Snakemake: a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rescalade.config import Config
from rescalade.paths import Paths
from rescalade.pipeline.plan import run_jobs
from rescalade.pipeline.plan.job import RULES, Job, Key


def make_jobs(config: Config, paths: Paths) -> dict[Key, Job]:
    """Every job that the report of the chosen experiment needs in an empty folder, by key."""
    made: dict[Key, Job] = {}
    waiting: list[Key] = [("all",)]
    while waiting:
        key = waiting.pop()
        if key not in made:
            made[key] = _job(config, paths, key)
            waiting += made[key].needs
    return dict(sorted(made.items(), key=lambda item: (RULES.index(item[0][0]), item[0])))


def _job(config: Config, paths: Paths, key: Key) -> Job:
    rule, *names = key
    return _MAKERS[rule](config, paths, *names)


def _source(_: Config, paths: Paths, name: str) -> Job:
    folder = paths.source(name)
    return Job(("source", name), (folder,), (), "source", (("name", name),), folder / "record.json")


def _collection(config: Config, paths: Paths, name: str) -> Job:
    dataset, folder = config.dataset(name), paths.dataset(name)
    files = ("corpus.parquet", "queries.parquet", "qrels.parquet", "given-triples.parquet", "manifest.json")
    needs: list[Key] = []
    if config.source(dataset.source).has_stage:
        needs.append(("source", dataset.source))
    if dataset.corpus is not None:
        needs.append(("collection", dataset.corpus))
    return Job(
        ("collection", name),
        tuple(folder / file for file in files),
        tuple(needs),
        "collection",
        (("dataset", name),),
        folder / "record.json",
    )


def _triples(_: Config, paths: Paths, name: str, recipe: str) -> Job:
    path = paths.dataset(name) / f"triples-{recipe}.parquet"
    return Job(
        ("triples", name, recipe),
        (path, path.with_suffix(".json")),
        (("collection", name),),
        "triples",
        (("dataset", name), ("recipe", recipe)),
        path.with_suffix(".record.json"),
    )


def _backbone(config: Config, paths: Paths, name: str) -> Job:
    backbone, folder = config.backbone(name), paths.backbone(name)
    needs: tuple[Key, ...] = ()
    if backbone.pretrain is not None:
        needs = (("collection", backbone.pretrain.text),)
    elif backbone.of is not None:
        needs = (("backbone", backbone.of),)
    return Job(("backbone", name), (folder,), needs, "backbone", (("name", name),), folder / "record.json")


def _audit(config: Config, paths: Paths, name: str, recipe: str) -> Job:
    path, data = paths.audit(recipe, name), config.experiment.train_on
    return Job(
        ("audit_backbone", name, recipe),
        (path,),
        (("backbone", name), ("collection", data), ("triples", data, recipe)),
        "audit",
        (("name", name),),
        path.with_name(f"{name}.record.json"),
    )


def _rescale(_: Config, paths: Paths, name: str, variant: str, recipe: str = "") -> Job:
    """A k that a rule chooses depends on the recipe, whose text it saw; any other division does not."""
    folder = paths.rescaled(name, variant, recipe)
    needs: list[Key] = [("backbone", name), *([("audit_backbone", name, recipe)] if recipe else [])]
    return Job(
        ("rescale_by_rule", name, variant, recipe) if recipe else ("rescale", name, variant),
        (folder,),
        tuple(needs),
        "rescale",
        (("name", name), ("variant", variant)),
        folder / "record.json",
    )


def _shown(config: Config, backbones: list[str]) -> Iterator[Key]:
    """What tables, figures and pages read of some backbones."""
    datasets = config.evaluation_sets()
    for name in backbones:
        yield from (("backbone", name), ("audit_backbone", name, config.experiment.recipe))
    for run in config.runs():
        if run.backbone in backbones:
            yield ("train", run.folder)
            yield from (("score", run.folder, dataset) for dataset in datasets)
    for run in config.others():
        if run.backbone in backbones:
            yield from (("score", run.folder, dataset) for dataset in datasets)
    yield from (("score_bm25", dataset) for dataset in datasets)
    yield from (("collection", dataset) for dataset in (config.experiment.train_on, *datasets))


def _tables(config: Config, paths: Paths) -> Job:
    folder = paths.experiment(config.name) / "tables"
    return Job(("tables",), (folder,), tuple(_shown(config, config.backbones())), "tables", (), folder / "record.json")


def _figures(config: Config, paths: Paths) -> Job:
    folder = paths.experiment(config.name) / "figures"
    needs = tuple(_shown(config, config.backbones()))
    return Job(("figures",), (folder,), needs, "figures", (), folder / "record.json")


def _page(config: Config, paths: Paths, name: str) -> Job:
    return Job(("page", name), (paths.experiment(config.name) / f"{name}.html",), tuple(_shown(config, [name])))


def _report(config: Config, paths: Paths) -> Job:
    folder = paths.experiment(config.name)
    needs: list[Key] = [("tables",), ("figures",), *(("page", name) for name in config.backbones())]
    return Job(("report",), (folder / "index.html",), tuple(needs), "report", (), folder / "record.json")


def _all(_: Config, __: Paths) -> Job:
    return Job(("all",), (), (("report",),))


_MAKERS: dict[str, Callable[..., Job]] = {
    "source": _source,
    "collection": _collection,
    "triples": _triples,
    "backbone": _backbone,
    "audit_backbone": _audit,
    "rescale": _rescale,
    "rescale_by_rule": _rescale,
    "train": run_jobs.train_job,
    "encode_shard": run_jobs.encode_shard_job,
    "encode": run_jobs.encode_job,
    "index": run_jobs.index_job,
    "search": run_jobs.search_job,
    "score": run_jobs.score_job,
    "score_bm25": run_jobs.score_bm25_job,
    "bm25": run_jobs.bm25_job,
    "page": _page,
    "tables": _tables,
    "figures": _figures,
    "report": _report,
    "all": _all,
}
