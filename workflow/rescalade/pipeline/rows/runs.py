"""From a divided backbone to scores: training, vectors, index, rankings; and BM25."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rescalade.errors import UserError
from rescalade.pipeline.rows.data import COLLECTION, TEXTS, of_collection, training_text
from rescalade.pipeline.stage_row import Inputs, Made, Names, Stage
from rescalade.runs import Run
from rescalade.vectors.file_names import shard_digest_of, shard_name_of

if TYPE_CHECKING:
    from rescalade.config import Config
    from rescalade.encoding.settings import EncodeSettings
    from rescalade.retrieval.settings import Bm25Settings, IndexSettings, SearchSettings
    from rescalade.scoring.settings import ScoreSettings
    from rescalade.training.settings import RunSettings

RUN, BM25 = "{results}/runs/{run}", "{results}/bm25"
GROWING, VECTORS = f"{RUN}/encoding/{{dataset}}", f"{RUN}/vectors/{{dataset}}"
ENCODE_CACHES = {"tokens": "{results}/tokens/{dataset}", "encoding": GROWING, "vectors": VECTORS}


def own_run(config: Config, text: str) -> tuple[Run, str]:
    """A run and the experiment that decides its settings: the chosen one, or one that it shows along.

    Raises:
        UserError: it names the recipe of another experiment.
    """
    run = Run.parse(text)
    experiment = config.experiment_of(run.recipe)
    if experiment is None:
        raise UserError(
            f"run {text!r} is by recipe {run.recipe!r}, but experiment {config.name!r} trains by "
            f"{config.experiment.recipe!r}; name the run's experiment with --experiment"
        )
    return run, experiment


def train_settings(config: Config, names: Names) -> RunSettings:
    """The recipe's settings with those of experiment and backbone over them."""
    from rescalade.training.settings import RunSettings

    run, experiment = own_run(config, names["run"])
    settings = config.train_settings(run.backbone, experiment).model_dump()
    return RunSettings(**settings, seed=run.seed, train_on=config.experiment.train_on)


def _train_inputs(config: Config, names: Names) -> Inputs:
    """The divided backbone and the training text."""
    run = Run.parse(names["run"])
    divided = Made("rescale", (run.backbone, run.variant.name), "model")
    if run.variant.rule is not None:
        divided = Made("rescale_by_rule", (run.backbone, run.variant.name, run.recipe), "model")
    return {"model": divided, **training_text(config, run.recipe)}


def encode_settings(config: Config, names: Names) -> EncodeSettings:
    """How vectors are stored; of lengths and precision only what is said over the model's own."""
    from rescalade.encoding.settings import EncodeSettings

    retrieval, dataset = config.model.retrieval, config.dataset(names["dataset"])
    shared = EncodeSettings.model_fields.keys() & type(retrieval).model_fields.keys() - {"precision"}
    return EncodeSettings(
        **{key: getattr(retrieval, key) for key in shared},
        precision=None if retrieval.precision == "auto" else retrieval.precision,
        corpus=dataset.corpus,
        documents=dataset.documents,
    )


def _shard_inputs(_: Config, names: Names) -> Inputs:
    """The trained model and the texts."""
    return {"model": Made("train", (names["run"],), "model"), **of_collection(names["dataset"], *TEXTS)}


def _encode_inputs(config: Config, names: Names) -> Inputs:
    """As for a shard; the shards that jobs of their own encode; the set whose documents these are."""
    corpus = config.dataset(names["dataset"]).corpus
    found = _shard_inputs(config, names)
    if corpus is not None:
        return {**found, "shared_manifest": Made("collection", (corpus,), "manifest")}
    shards = range(shard_jobs(config, names["dataset"]))
    values = [(names["run"], names["dataset"], f"{number:05d}") for number in shards]
    found["shards"] = [Made("encode_shard", value, output) for value in values for output in ("shard", "digest")]
    return found


def shard_jobs(config: Config, dataset: str) -> int:
    """Shards of a data set that are encoded by jobs of their own: all, where that is wanted and its size is known."""
    documents = (config.dataset(dataset).documents or 0) if config.model.retrieval.shard_jobs else 0
    shards = -(-documents // config.model.retrieval.shard_documents)
    return shards if shards > 1 else 0


def index_settings(_: Config, __: Names) -> IndexSettings:
    """Nothing: an index follows from its vectors."""
    from rescalade.retrieval.settings import IndexSettings

    return IndexSettings()


def _index_inputs(_: Config, names: Names) -> Inputs:
    """The vectors."""
    return {"vectors": Made("encode", (names["run"], names["dataset"]), "vectors")}


def search_settings(config: Config, names: Names) -> SearchSettings:
    """How deep, and whether a document may be the query itself."""
    from rescalade.retrieval.settings import SearchSettings

    dataset = config.dataset(names["dataset"])
    return SearchSettings(depth=dataset.depth, drop_identical_ids=dataset.drop_identical_ids)


def bm25_settings(config: Config, names: Names) -> Bm25Settings:
    """As deep as for the models, and how words are found."""
    from rescalade.retrieval.settings import Bm25Settings

    analyser = config.dataset(names["dataset"]).analyser
    return Bm25Settings(**search_settings(config, names).model_dump(), analyser=analyser)


def _vectors(config: Config, names: Names) -> Inputs:
    """The queries' vectors, and those of the documents, which are another set's where two share them."""
    corpus = config.dataset(names["dataset"]).corpus or names["dataset"]
    return {
        "documents": Made("encode", (names["run"], corpus), "vectors"),
        "vectors": Made("encode", (names["run"], names["dataset"]), "vectors"),
    }


def _search_inputs(config: Config, names: Names) -> Inputs:
    """The queries' vectors; index and vectors of the set whose documents are searched."""
    corpus = config.dataset(names["dataset"]).corpus or names["dataset"]
    return {"index": Made("index", (names["run"], corpus), "index"), **_vectors(config, names)}


def score_settings(config: Config, names: Names) -> ScoreSettings:
    """Which measures, and from which grade on a document counts."""
    from rescalade.scoring.measures import scored
    from rescalade.scoring.settings import ScoreSettings

    dataset = config.dataset(names["dataset"])
    measures = tuple(measure.name for measure in scored(dataset))
    return ScoreSettings(measures=measures, minimum_grade=dataset.minimum_grade)


def _score_inputs(config: Config, names: Names) -> Inputs:
    """The ranking with its timings, the vectors of queries and documents, and the judgements."""
    searched = (names["run"], names["dataset"])
    return {
        "retrieved": Made("search", searched, "retrieved"),
        "timings": Made("search", searched, "timings"),
        **_vectors(config, names),
        **of_collection(names["dataset"], *COLLECTION),
    }


def _bm25_inputs(_: Config, names: Names) -> Inputs:
    """The texts."""
    return of_collection(names["dataset"], *TEXTS)


def _score_bm25_inputs(_: Config, names: Names) -> Inputs:
    """The ranking and the judgements."""
    ranking: Inputs = {"retrieved": Made("bm25", (names["dataset"],), "retrieved")}
    return ranking | of_collection(names["dataset"], *COLLECTION)


def _retrieved(folder: str) -> dict[str, str]:
    return {
        "retrieved": f"{folder}/retrieved/{{dataset}}.trec.gz",
        "record": f"{folder}/retrieved/{{dataset}}.record.json",
    }


def _scores(folder: str) -> dict[str, str]:
    return {
        "scores": f"{folder}/scores/{{dataset}}.json",
        "per_query": f"{folder}/scores/{{dataset}}.per-query.parquet",
        "record": f"{folder}/scores/{{dataset}}.record.json",
    }


ROWS = (
    Stage(
        name="train",
        command="train {run}",
        names=("run",),
        run="rescalade.training.train_stage:run_train",
        settings=train_settings,
        inputs=_train_inputs,
        outputs={
            "model": f"{RUN}/model",
            "history": f"{RUN}/history.parquet",
            "outcome": f"{RUN}/outcome.json",
            "record": f"{RUN}/train.record.json",
        },
        folders=("model",),
        caches={"unfinished": "{results}/.checkpoints", "tensorboard": "{results}/logs/tensorboard/{run}"},
        gpu=True,
        minutes=720,
    ),
    Stage(
        name="encode_shard",
        command="encode {run} {dataset} --shard {shard}",
        names=("run", "dataset", "shard"),
        run="rescalade.encoding.encode_stage:run_encode_shard",
        settings=encode_settings,
        inputs=_shard_inputs,
        outputs={
            "shard": f"{GROWING}/{shard_name_of('{shard}')}",
            "digest": f"{GROWING}/{shard_digest_of('{shard}')}",
        },
        caches=ENCODE_CACHES,
        gpu=True,
        minutes=720,
    ),
    Stage(
        name="encode",
        command="encode {run} {dataset}",
        names=("run", "dataset"),
        run="rescalade.encoding.encode_stage:run_encode",
        settings=encode_settings,
        inputs=_encode_inputs,
        outputs={"vectors": VECTORS},
        folders=("vectors",),
        caches=ENCODE_CACHES,
        gpu=True,
        minutes=720,
    ),
    Stage(
        name="index",
        command="index {run} {dataset}",
        names=("run", "dataset"),
        run="rescalade.retrieval.index_stage:run_index",
        settings=index_settings,
        inputs=_index_inputs,
        outputs={"index": f"{RUN}/index/{{dataset}}"},
        folders=("index",),
        minutes=120,
    ),
    Stage(
        name="search",
        command="search {run} {dataset}",
        names=("run", "dataset"),
        run="rescalade.retrieval.search_stage:run_search",
        settings=search_settings,
        inputs=_search_inputs,
        outputs={**_retrieved(RUN), "timings": f"{RUN}/retrieved/{{dataset}}.json"},
        minutes=240,
    ),
    Stage(
        name="score",
        command="score {run} {dataset}",
        names=("run", "dataset"),
        run="rescalade.scoring.score_stage:run_score",
        settings=score_settings,
        inputs=_score_inputs,
        outputs=_scores(RUN),
        memory_mb=4000,
    ),
    Stage(
        name="bm25",
        command="bm25 {dataset}",
        names=("dataset",),
        run="rescalade.retrieval.bm25_stage:run_bm25",
        settings=bm25_settings,
        inputs=_bm25_inputs,
        outputs=_retrieved(BM25),
        minutes=240,
    ),
    Stage(
        name="score_bm25",
        command="score bm25 {dataset}",
        names=("dataset",),
        run="rescalade.scoring.score_stage:run_score",
        settings=score_settings,
        inputs=_score_bm25_inputs,
        outputs=_scores(BM25),
        memory_mb=4000,
    ),
)
