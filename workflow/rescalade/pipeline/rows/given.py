"""What others have made, in an experiment: run files and vectors, ranked and scored like the runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rescalade.errors import UserError, unknown
from rescalade.pipeline.rows.data import COLLECTION, TEXTS, of_collection
from rescalade.pipeline.rows.libraries import FRAMES, KERNELS
from rescalade.pipeline.rows.rankings import JUDGED, retrieved, score_row, score_settings, search_settings
from rescalade.pipeline.stage_row import Inputs, Made, Names, Stage, UserFiles

if TYPE_CHECKING:
    from rescalade.config import Config
    from rescalade.config.given_runs import GivenRun, GivenVectors
    from rescalade.retrieval.given_stage import TakeVectorsSettings
    from rescalade.scoring.given_stage import TakeRunSettings
    from rescalade.scoring.settings import ScoreSettings

NAMES = ("experiment", "given", "dataset")
GIVEN = "{results}/given/{experiment}/{given}"


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
    if names["dataset"] in _given_run(config, names).vectors:
        taken = {name: Made("take_vectors", values, name) for name in ("retrieved", "searched")}
    return {**taken, **of_collection(names["dataset"], *JUDGED)}


def _take(name: str, **row: Any) -> Stage:
    """The row of a stage that takes what others have made."""
    command = f"{name.replace('_', '-')} {{given}} {{dataset}}"
    return Stage(name=name, command=command, names=NAMES, user_files=True, **row)


ROWS = (
    _take(
        "take_run",
        run="rescalade.scoring.given_stage:run_take_run",
        libraries=FRAMES,
        settings=take_run_settings,
        inputs=_take_run_inputs,
        outputs={**retrieved(GIVEN), "facts": f"{GIVEN}/retrieved/{{dataset}}.json"},
        memory_mb=4000,
    ),
    _take(
        "take_vectors",
        run="rescalade.retrieval.given_stage:run_take_vectors",
        libraries=FRAMES + KERNELS,
        settings=take_vectors_settings,
        inputs=_take_vectors_inputs,
        outputs={
            name: path.replace("/retrieved/", "/searched/")
            for name, path in {**retrieved(GIVEN), "searched": f"{GIVEN}/retrieved/{{dataset}}.json"}.items()
        },
        minutes=240,
    ),
    score_row("score_given", "{given} {dataset}", NAMES, GIVEN, score_given_settings, _score_given_inputs),
)
