"""From vectors to scores: index, rankings, their scores; and rankings without a model, by BM25 and at random."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rescalade.pipeline.rows.data import TEXTS, of_collection
from rescalade.pipeline.rows.libraries import FRAMES, KERNELS, LEXICAL
from rescalade.pipeline.rows.runs import RUN
from rescalade.pipeline.stage_row import Inputs, Made, Names, Stage

if TYPE_CHECKING:
    from rescalade.config import Config
    from rescalade.retrieval.settings import Bm25Settings, IndexSettings, RandomSettings, SearchSettings
    from rescalade.scoring.settings import ScoreSettings

BM25, RANDOM = "{results}/bm25", "{results}/random"
JUDGED = ("queries", "manifest", "qrels")
"""What scores take of a data set: a ranking is scored without the texts."""

Settings = Callable[["Config", Names], "ScoreSettings"]
Asked = Callable[["Config", Names], Inputs]
"""Settings and inputs of scores."""


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


def random_settings(config: Config, names: Names) -> RandomSettings:
    """The protocol of the data set; what is drawn is the same everywhere."""
    from rescalade.retrieval.settings import RandomSettings

    return RandomSettings(**search_settings(config, names).model_dump())


def _score_inputs(config: Config, names: Names) -> Inputs:
    """The ranking with its timings, the vectors of queries and documents, and the judgements."""
    searched = (names["run"], names["dataset"])
    return {
        "retrieved": Made("search", searched, "retrieved"),
        "timings": Made("search", searched, "timings"),
        **_vectors(config, names),
        **of_collection(names["dataset"], *JUDGED),
    }


def _texts(_: Config, names: Names) -> Inputs:
    """The texts."""
    return of_collection(names["dataset"], *TEXTS)


def _ranked(rule: str) -> Callable[[Config, Names], Inputs]:
    """A ranking without vectors, and the judgements."""

    def inputs(_: Config, names: Names) -> Inputs:
        ranking: Inputs = {"retrieved": Made(rule, (names["dataset"],), "retrieved")}
        return ranking | of_collection(names["dataset"], *JUDGED)

    return inputs


def retrieved(folder: str) -> dict[str, str]:
    """Outputs of a stage that ranks: the run file and its record."""
    return {
        "retrieved": f"{folder}/retrieved/{{dataset}}.trec.gz",
        "record": f"{folder}/retrieved/{{dataset}}.record.json",
    }


def score_row(name: str, words: str, names: tuple[str, ...], folder: str, settings: Settings, inputs: Asked) -> Stage:
    """The row of a ranking's scores. words: the command's, behind `score`."""
    return Stage(
        name=name,
        command=f"score {words}",
        names=names,
        run="rescalade.scoring.score_stage:run_score",
        libraries=(*FRAMES, "pytrec_eval"),
        settings=settings,
        inputs=inputs,
        outputs={
            "scores": f"{folder}/scores/{{dataset}}.json",
            "per_query": f"{folder}/scores/{{dataset}}.per-query.parquet",
            "record": f"{folder}/scores/{{dataset}}.record.json",
        },
        memory_mb=4000,
    )


def _score_ranking(rule: str, folder: str) -> Stage:
    def settings(config: Config, names: Names) -> ScoreSettings:
        return score_settings(config, names).model_copy(update={"ranking": rule})

    return score_row(f"score_{rule}", f"{rule} {{dataset}}", ("dataset",), folder, settings, _ranked(rule))


ROWS = (
    Stage(
        name="index",
        command="index {run} {dataset}",
        names=("run", "dataset"),
        run="rescalade.retrieval.index_stage:run_index",
        libraries=FRAMES + KERNELS,
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
        libraries=FRAMES + KERNELS,
        settings=search_settings,
        inputs=_search_inputs,
        outputs={**retrieved(RUN), "timings": f"{RUN}/retrieved/{{dataset}}.json"},
        minutes=240,
    ),
    score_row("score", "{run} {dataset}", ("run", "dataset"), RUN, score_settings, _score_inputs),
    Stage(
        name="bm25",
        command="bm25 {dataset}",
        names=("dataset",),
        run="rescalade.retrieval.bm25_stage:run_bm25",
        libraries=FRAMES + KERNELS + LEXICAL,
        settings=bm25_settings,
        inputs=_texts,
        outputs=retrieved(BM25),
        minutes=240,
    ),
    _score_ranking("bm25", BM25),
    Stage(
        name="random",
        command="random {dataset}",
        names=("dataset",),
        run="rescalade.retrieval.random_stage:run_random",
        libraries=FRAMES + KERNELS,
        settings=random_settings,
        inputs=_texts,
        outputs=retrieved(RANDOM),
        minutes=240,
    ),
    _score_ranking("random", RANDOM),
)
