"""The jobs of each run and of BM25: training, encoding, search, scores."""

from __future__ import annotations

from pathlib import Path

from rescalade.config import Config, Run
from rescalade.paths import Paths, encoding, index, retrieved, scores, vectors
from rescalade.pipeline.plan.job import Job, Key
from rescalade.pipeline.stages import parse_run, shard_jobs
from rescalade.vectors.file_names import shard_digest, shard_name


def train_job(config: Config, paths: Paths, name: str) -> Job:
    """Training of a run."""
    run, data = parse_run(name), config.experiment.train_on
    folder, variant = paths.run(run), run.variant.name
    divided: Key = ("rescale", run.backbone, variant)
    if run.variant.rule is not None:
        divided = ("rescale_by_rule", run.backbone, variant, run.recipe)
    return Job(
        ("train", name),
        (folder / "model", folder / "history.parquet", folder / "outcome.json"),
        (divided, ("collection", data), ("triples", data, run.recipe)),
        "train",
        (("run", name),),
        folder / "train.record.json",
        run,
    )


def encode_shard_job(_: Config, paths: Paths, name: str, dataset: str, number: str) -> Job:
    """A shard of a corpus whose size is declared."""
    run = parse_run(name)
    folder = encoding(paths.run(run), dataset)
    return Job(
        ("encode_shard", name, dataset, number),
        (folder / shard_name(int(number)), folder / shard_digest(int(number))),
        (("train", name), ("collection", dataset)),
        run=run,
    )


def encode_job(config: Config, paths: Paths, name: str, dataset: str) -> Job:
    """Vectors of a data set; of its queries alone where shards or another data set have its documents."""
    run, corpus = parse_run(name), config.dataset(dataset).corpus
    folder = vectors(paths.run(run), dataset)
    needs: list[Key] = [("train", name), ("collection", dataset)]
    if corpus is None:
        needs += [("encode_shard", name, dataset, f"{n:05d}") for n in range(shard_jobs(config, dataset))]
    names = (("run", name), ("dataset", dataset))
    return Job(("encode", name, dataset), (folder,), tuple(needs), "encode", names, folder / "record.json", run)


def index_job(_: Config, paths: Paths, name: str, dataset: str) -> Job:
    """The index of a corpus."""
    run = parse_run(name)
    folder = index(paths.run(run), dataset)
    names = (("run", name), ("dataset", dataset))
    return Job(
        ("index", name, dataset), (folder,), (("encode", name, dataset),), "index", names, folder / "record.json", run
    )


def search_job(config: Config, paths: Paths, name: str, dataset: str) -> Job:
    """Rankings of a run."""
    run, corpus = parse_run(name), config.dataset(dataset).corpus or dataset
    path = retrieved(paths.run(run), dataset)
    needs: list[Key] = [("encode", name, dataset), ("encode", name, corpus), ("index", name, corpus)]
    return Job(
        ("search", name, dataset),
        (path, path.with_name(f"{dataset}.json")),
        tuple(needs),
        "search",
        (("run", name), ("dataset", dataset)),
        path.with_name(f"{dataset}.record.json"),
        run,
    )


def score_job(config: Config, paths: Paths, name: str, dataset: str) -> Job:
    """Measures of a run."""
    run = parse_run(name)
    encoded = [("encode", name, part) for part in dict.fromkeys((dataset, config.dataset(dataset).corpus or dataset))]
    needs: tuple[Key, ...] = (("search", name, dataset), *encoded, ("collection", dataset))
    return _scored(("score", name, dataset), scores(paths.run(run), dataset), needs, run, name, dataset)


def score_bm25_job(_: Config, paths: Paths, dataset: str) -> Job:
    """Measures of BM25."""
    needs: tuple[Key, ...] = (("bm25", dataset), ("collection", dataset))
    return _scored(("score_bm25", dataset), scores(paths.bm25(), dataset), needs, None, "bm25", dataset)


def _scored(key: Key, path: Path, needs: tuple[Key, ...], run: Run | None, name: str, dataset: str) -> Job:
    return Job(
        key,
        (path, path.with_suffix(".per-query.parquet")),
        needs,
        "score",
        (("run", name), ("dataset", dataset)),
        path.with_suffix(".record.json"),
        run,
    )


def bm25_job(_: Config, paths: Paths, dataset: str) -> Job:
    """Rankings of BM25."""
    path = retrieved(paths.bm25(), dataset)
    return Job(
        ("bm25", dataset),
        (path,),
        (("collection", dataset),),
        "bm25",
        (("dataset", dataset),),
        path.with_name(f"{dataset}.record.json"),
    )
