"""How well what is known before training tells which runs train: one window per predictor, and its errors."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from rescalade.audit.rules import START_SD, TARGET_LOSS
from rescalade.audited import LARGE_NORM
from rescalade.report.results.step0_states import Step0State, step0_states
from rescalade.report.results.summary import Summary
from rescalade.report.results.window import Axis, Begun, Box, Window, errors, fitted, unavoidable

LEAST = 12
"""Cells that were made, from which on a border is looked for."""
RATIO, SHARE, SCORES = Axis(1e-9), Axis(1e-4), Axis(1e-2)
"""Norms, k and losses count by ratio; so do shares of the vocabulary above one term in ten thousand, and standard
deviations of scores above a hundredth."""


@dataclass(frozen=True)
class Measure:
    """A number of a start. words: as an axis and in a window. pick: None where it is the same for every run."""

    key: str
    words: str
    pick: Callable[[Step0State], float]
    axis: Axis = RATIO


UNITS = Measure("units", "loss over ln(candidates)", lambda state: state.units)
FROM_BELOW = replace(UNITS, axis=Axis(RATIO.floor, from_below=True))
DOCUMENTS = Measure("active_document", "active share of documents", lambda state: state.active_document, SHARE)
USED_NORM = Measure("used_norm", "row norm over k", lambda state: state.used_norm)
ROW_NORM = Measure("row_norm", "row norm, undivided", lambda state: state.row_norm)


@dataclass(frozen=True)
class Predictor:
    """What a window is put on. given: the window, where it is not fitted."""

    key: str
    title: str
    measures: tuple[Measure, ...]
    given: Box | None = None

    def values(self, state: Step0State) -> tuple[float, ...]:
        """Its numbers of a cell."""
        return tuple(measure.pick(state) for measure in self.measures)


def _alone(measure: Measure) -> Predictor:
    return Predictor(measure.key, measure.words[0].upper() + measure.words[1:], (measure,))


BY_NORM, BY_LOSS = _alone(USED_NORM), _alone(UNITS)
SPREAD = Measure("seen_sd", "sd of scores over the temperature", lambda state: state.seen_sd, SCORES)
BY_SPREAD = _alone(SPREAD)
BY_PAIR = Predictor("pair", "Loss and active share of documents", (UNITS, DOCUMENTS))
ALWAYS = Predictor("always", "The commoner outcome, always", (Measure("always", "nothing", lambda _: 0.0),))
PREDICTORS = (
    ALWAYS,
    _alone(ROW_NORM),
    BY_NORM,
    Predictor(
        "small_norm", f"Row norm over k at most {LARGE_NORM:g}, not fitted", (USED_NORM,), (Window(high=LARGE_NORM),)
    ),
    _alone(Measure("k", "scale factor k", lambda state: state.k)),
    BY_LOSS,
    Predictor("loss_at_most", "Loss over ln(candidates), at most", (FROM_BELOW,)),
    Predictor(
        "loss_rule", f"Loss over ln(candidates) at most {TARGET_LOSS:g}, not fitted", (UNITS,),
        (Window(high=TARGET_LOSS),),
    ),
    _alone(DOCUMENTS),
    _alone(Measure("active_query", "active share of queries", lambda state: state.active_query, SHARE)),
    BY_SPREAD,
    Predictor(
        "score_rule", "Sd of scores over the temperature within {:g} to {:g}, not fitted".format(*START_SD), (SPREAD,),
        (Window(*START_SD),),
    ),
    _alone(Measure("cosine_document", "cosine between documents", lambda state: state.cosine_document, Axis())),
    _alone(Measure("cosine_query", "cosine between queries", lambda state: state.cosine_query, Axis())),
    BY_PAIR,
)  # fmt: skip


@dataclass(frozen=True)
class Judged:
    """A predictor, its window over all runs, and runs that are on the wrong side.

    errors: of all runs. unavoidable: of whatever rule that knows these numbers alone. by_backbone, by_family: of runs
    of one backbone or family, by a window fitted without any of it, summed; None where all are of one.
    """

    predictor: Predictor
    box: Box
    errors: int
    unavoidable: int
    by_backbone: int | None
    by_family: int | None


@dataclass(frozen=True)
class Step0Map:
    """All predictors that are known of every cell that was made; others are `unknown`, by their titles."""

    runs: int
    trained: int
    cells: int
    mixed: int
    backbones: int
    families: tuple[str, ...]
    judged: tuple[Judged, ...]
    unknown: tuple[str, ...]

    def of(self, predictor: Predictor) -> Judged | None:
        """What was found of a predictor."""
        return next((one for one in self.judged if one.predictor.key == predictor.key), None)


def has_map(summary: Summary) -> bool:
    """Whether there is a border to be found: enough cells were made, and some of their runs trained and some failed."""
    made = [state for state in step0_states(summary) if state.made]
    return len(made) >= LEAST and any(state.trained for state in made) and any(state.failed for state in made)


@lru_cache(maxsize=2)
def step0_map(summary: Summary) -> Step0Map:
    """Every predictor's window and errors, by run: of a cell whose seeds disagree each run counts as it ended."""
    made = [state for state in step0_states(summary) if state.made]
    families = tuple(dict.fromkeys(state.family for state in made))
    return Step0Map(
        runs=sum(state.made for state in made),
        trained=sum(state.trained for state in made),
        cells=len(made),
        mixed=sum(state.outcome == "both" for state in made),
        backbones=len({state.cell.backbone for state in made}),
        families=families,
        judged=tuple(_judged(predictor, made) for predictor in PREDICTORS if _known(predictor, made)),
        unknown=tuple(predictor.title for predictor in PREDICTORS if not _known(predictor, made)),
    )


def held_out(predictor: Predictor, states: Sequence[Step0State], key: Callable[[Step0State], str]) -> int | None:
    """Errors on the runs of each group by a window fitted on all others; None where there is one group alone."""
    groups = dict.fromkeys(map(key, states))
    if len(groups) < 2:
        return None
    return sum(
        errors(
            window_of(predictor, [state for state in states if key(state) != name]),
            _runs(predictor, [state for state in states if key(state) == name]),
        )
        for name in groups
    )


def window_of(predictor: Predictor, states: Sequence[Step0State]) -> Box:
    """The window that is given, else the one that fits some cells best."""
    if predictor.given is not None:
        return predictor.given
    return fitted(_runs(predictor, states), [measure.axis for measure in predictor.measures])


def _judged(predictor: Predictor, states: Sequence[Step0State]) -> Judged:
    runs, box = _runs(predictor, states), window_of(predictor, states)
    return Judged(
        predictor=predictor,
        box=box,
        errors=errors(box, runs),
        unavoidable=unavoidable(runs),
        by_backbone=held_out(predictor, states, lambda state: state.cell.backbone),
        by_family=held_out(predictor, states, lambda state: state.family),
    )


def _runs(predictor: Predictor, states: Sequence[Step0State]) -> list[Begun]:
    return [
        Begun(predictor.values(state), trained)
        for state in states
        for trained, count in ((True, state.trained), (False, state.failed))
        for _ in range(count)
    ]


def _known(predictor: Predictor, states: Sequence[Step0State]) -> bool:
    """Whether its numbers are known of every cell, so that all predictors are judged by the same runs."""
    return not any(math.isnan(value) for state in states for value in predictor.values(state))
