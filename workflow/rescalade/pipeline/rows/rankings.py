"""From vectors to scores: index, rankings, their scores; and rankings without a model, by BM25 and at random."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from rescalade.errors import UserError, unknown
from rescalade.pipeline.rows.data import COLLECTION, TEXTS, of_collection
from rescalade.pipeline.rows.libraries import FRAMES, KERNELS, LEXICAL
from rescalade.pipeline.rows.runs import RUN
from rescalade.pipeline.stage_row import Inputs, Made, Names, Stage, UserFiles

if TYPE_CHECKING:
    from rescalade.config import Config
    from rescalade.config.given_runs import GivenRun, GivenVectors
    from rescalade.retrieval.given_stage import TakeVectorsSettings
    from rescalade.retrieval.settings import Bm25Settings, IndexSettings, RandomSettings, SearchSettings
    from rescalade.scoring.given_stage import TakeRunSettings
    from rescalade.scoring.settings import ScoreSettings

BM25, RANDOM, GIVEN = "{results}/bm25", "{results}/random", "{results}/given/{experiment}/{given}"
JUDGED = ("queries", "manifest", "qrels")
"""What scores take of a data set: a ranking is scored without the texts."""


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


def _given_run(config: Config, names: Names) -> GivenRun:
    """A run that others have made.

    Raises:
        UserError: the experiment has no run of that name, or none of it on the data set.
    """
    runs = config.experiment.runs
    if names["given"] not in runs:
        raise unknown("run", names["given"], runs)
    found = runs[names["given"]]
    known = (*found.files, *found.vectors)
    if names["dataset"] not in known:
        raise UserError(
            f"run {names['given']!r} has nothing on data set {names['dataset']!r}; known: {', '.join(known)}"
        )
    return found


def given_by_vectors(config: Config, names: Names) -> bool:
    """Whether a run of others is given as vectors on the data set, not as a run file."""
    return names["dataset"] in _given_run(config, names).vectors


def _given(config: Config, names: Names) -> Path:
    """Its run file."""
    files = _given_run(config, names).files
    if names["dataset"] not in files:
        raise UserError(
            f"run {names['given']!r} has vectors on {names['dataset']!r}: `rescalade take-vectors` takes them"
        )
    return Path(files[names["dataset"]]).expanduser()


def take_vectors_settings(config: Config, names: Names) -> TakeVectorsSettings:
    """Which files, and as of a search."""
    from rescalade.retrieval.given_stage import TakeVectorsSettings

    found = _vectors_of(config, names)
    return TakeVectorsSettings(**search_settings(config, names).model_dump(), **dict(found))


def _vectors_of(config: Config, names: Names) -> GivenVectors:
    found = _given_run(config, names).vectors
    if names["dataset"] not in found:
        raise UserError(f"run {names['given']!r} has a run file on {names['dataset']!r}: `rescalade take-run` takes it")
    return found[names["dataset"]]


def _take_vectors_inputs(config: Config, names: Names) -> Inputs:
    """The files, and the data set that they are of."""
    found = _vectors_of(config, names)
    places = {"documents": Path(found.documents).expanduser(), "asked": Path(found.queries).expanduser()}
    files = {
        name: tuple(sorted(place.glob("*.json*"))) if place.is_dir() else (place,) for name, place in places.items()
    }
    own: Inputs = {name: UserFiles(place, files[name]) for name, place in places.items()}
    return own | of_collection(names["dataset"], *TEXTS)


def take_run_settings(config: Config, names: Names) -> TakeRunSettings:
    """Which file, and as deep as for the models."""
    from rescalade.scoring.given_stage import TakeRunSettings

    return TakeRunSettings(path=str(_given(config, names)), depth=config.dataset(names["dataset"]).depth)


def _take_run_inputs(config: Config, names: Names) -> Inputs:
    """The file, and the data set that it ranks."""
    file = _given(config, names)
    return {"origin": UserFiles(file, (file,)), **of_collection(names["dataset"], *COLLECTION)}


def score_given_settings(config: Config, names: Names) -> ScoreSettings:
    """As of any ranking."""
    return score_settings(config, names).model_copy(update={"ranking": names["given"]})


def _score_given_inputs(config: Config, names: Names) -> Inputs:
    """The ranking, of vectors also what they and their search took, and the judgements."""
    values = (names["experiment"], names["given"], names["dataset"])
    taken: Inputs = {"retrieved": Made("take_run", values, "retrieved")}
    if given_by_vectors(config, names):
        taken = {name: Made("take_vectors", values, name) for name in ("retrieved", "searched")}
    return {**taken, **of_collection(names["dataset"], *JUDGED)}


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


def _score_ranking(rule: str, folder: str) -> Stage:
    def settings(config: Config, names: Names) -> ScoreSettings:
        return score_settings(config, names).model_copy(update={"ranking": rule})

    return Stage(
        name=f"score_{rule}",
        command=f"score {rule} {{dataset}}",
        names=("dataset",),
        run="rescalade.scoring.score_stage:run_score",
        libraries=(*FRAMES, "pytrec_eval"),
        settings=settings,
        inputs=_ranked(rule),
        outputs=_scores(folder),
        memory_mb=4000,
    )


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
        outputs={**_retrieved(RUN), "timings": f"{RUN}/retrieved/{{dataset}}.json"},
        minutes=240,
    ),
    Stage(
        name="score",
        command="score {run} {dataset}",
        names=("run", "dataset"),
        run="rescalade.scoring.score_stage:run_score",
        libraries=(*FRAMES, "pytrec_eval"),
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
        libraries=FRAMES + KERNELS + LEXICAL,
        settings=bm25_settings,
        inputs=_texts,
        outputs=_retrieved(BM25),
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
        outputs=_retrieved(RANDOM),
        minutes=240,
    ),
    _score_ranking("random", RANDOM),
    Stage(
        name="take_run",
        command="take-run {given} {dataset}",
        names=("experiment", "given", "dataset"),
        run="rescalade.scoring.given_stage:run_take_run",
        libraries=FRAMES,
        settings=take_run_settings,
        inputs=_take_run_inputs,
        outputs={**_retrieved(GIVEN), "facts": f"{GIVEN}/retrieved/{{dataset}}.json"},
        user_files=True,
        memory_mb=4000,
    ),
    Stage(
        name="take_vectors",
        command="take-vectors {given} {dataset}",
        names=("experiment", "given", "dataset"),
        run="rescalade.retrieval.given_stage:run_take_vectors",
        libraries=FRAMES + KERNELS,
        settings=take_vectors_settings,
        inputs=_take_vectors_inputs,
        outputs={
            name: path.replace("/retrieved/", "/searched/")
            for name, path in {**_retrieved(GIVEN), "searched": f"{GIVEN}/retrieved/{{dataset}}.json"}.items()
        },
        user_files=True,
        minutes=240,
    ),
    Stage(
        name="score_given",
        command="score {given} {dataset}",
        names=("experiment", "given", "dataset"),
        run="rescalade.scoring.score_stage:run_score",
        libraries=(*FRAMES, "pytrec_eval"),
        settings=score_given_settings,
        inputs=_score_given_inputs,
        outputs=_scores(GIVEN),
        memory_mb=4000,
    ),
)
