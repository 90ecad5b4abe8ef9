"""Collections and training triples."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rescalade.pipeline.rows.libraries import FRAMES, KERNELS, LEXICAL
from rescalade.pipeline.stage_row import Inputs, Made, Names, Stage, UserFiles

if TYPE_CHECKING:
    from rescalade.config import Config
    from rescalade.data.collection_stage import CollectionSettings
    from rescalade.data.source_stage import SourceSettings
    from rescalade.triples.settings import TriplesSettings

TEXTS = ("corpus", "queries", "manifest")
COLLECTION = (*TEXTS, "qrels")
DATA = "{results}/data/{dataset}"


def of_collection(dataset: str, *outputs: str) -> Inputs:
    """Files of a data set by their own names."""
    return {output: Made("collection", (dataset,), output) for output in outputs}


def training_text(config: Config, recipe: str) -> Inputs:
    """Texts and triples that the experiment trains on."""
    data = config.experiment.train_on
    return {
        **of_collection(data, *TEXTS),
        "triples": Made("triples", (data, recipe), "triples"),
        "triples_manifest": Made("triples", (data, recipe), "manifest"),
    }


def _nothing(_: Config, __: Names) -> Inputs:
    """Nothing of the pipeline: packages that are installed, or a download."""
    return {}


def source_settings(config: Config, names: Names) -> SourceSettings:
    """The source, and all that any data set takes from it."""
    from rescalade.data.source_stage import SourceSettings

    name = names["source"]
    entries = map(config.dataset, config.counted("datasets", ("sources", name)))
    wanted = {want for entry in entries if entry.source == name for want in entry.wants()}
    return SourceSettings(name=name, source=config.source(name), wanted=tuple(sorted(wanted)))


def collection_settings(config: Config, names: Names) -> CollectionSettings:
    """The data set's entry and its source."""
    from rescalade.data.collection_stage import CollectionSettings

    entry = config.dataset(names["dataset"])
    return CollectionSettings(dataset=names["dataset"], entry=entry, source=config.source(entry.source))


def _collection_inputs(config: Config, names: Names) -> Inputs:
    """A source that has a stage of its own, the user's files, and another set with the same documents."""
    entry = config.dataset(names["dataset"])
    found: Inputs = {key: UserFiles(place, tuple(entry.files())) for key, place in entry.reads().items()}
    if config.source(entry.source).has_stage:
        found["source"] = Made("source", (entry.source,), "folder")
    if entry.corpus is not None:
        found |= {f"shared_{name}": made for name, made in of_collection(entry.corpus, "corpus", "manifest").items()}
    return found


def triples_settings(config: Config, names: Names) -> TriplesSettings:
    """How the recipe mines."""
    from rescalade.triples.settings import TriplesSettings

    mining = config.recipe_named(names["recipe"]).mining.model_dump()
    dataset = config.dataset(names["dataset"])
    return TriplesSettings(**mining, analyser=dataset.analyser, drop_identical_ids=dataset.drop_identical_ids)


def _triples_inputs(_: Config, names: Names) -> Inputs:
    """The collection, with the triples that it brings."""
    return of_collection(names["dataset"], *COLLECTION, "given")


ROWS = (
    Stage(
        name="source",
        command="source {source}",
        names=("source",),
        run="rescalade.data.source_stage:run_source",
        seconds=29,
        settings=source_settings,
        inputs=_nothing,
        outputs={"folder": "{results}/sources/{source}"},
        folders=("folder",),
        threads=2,
        memory_mb=4000,
    ),
    Stage(
        name="collection",
        command="collection {dataset}",
        names=("dataset",),
        run="rescalade.data.collection_stage:run_collection",
        libraries=FRAMES,
        settings=collection_settings,
        inputs=_collection_inputs,
        outputs={
            **{name: f"{DATA}/{name}.parquet" for name in ("corpus", "queries", "qrels")},
            "given": f"{DATA}/given-triples.parquet",
            "manifest": f"{DATA}/manifest.json",
            "record": f"{DATA}/record.json",
        },
        user_files=True,
        memory_mb=4000,
    ),
    Stage(
        name="triples",
        command="triples {dataset} --recipe {recipe}",
        names=("dataset", "recipe"),
        run="rescalade.triples.triples_stage:run_triples",
        seconds=5,
        libraries=FRAMES + KERNELS + LEXICAL,
        settings=triples_settings,
        inputs=_triples_inputs,
        outputs={
            "triples": f"{DATA}/triples-{{recipe}}.parquet",
            "manifest": f"{DATA}/triples-{{recipe}}.json",
            "record": f"{DATA}/triples-{{recipe}}.record.json",
        },
        minutes=120,
    ),
)
