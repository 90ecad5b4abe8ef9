"""What every cell of an experiment begins with, and how its runs ended."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from rescalade.report.results.expectations import Outcome, outcome_of
from rescalade.report.results.load import RunResult
from rescalade.report.results.numbers import Spread
from rescalade.report.results.summary import COLLAPSED, Cell, Summary

DIGITS = 4
"""Significant digits to which the numbers of a start are taken: what agrees in them began alike."""


@dataclass(frozen=True)
class Step0State:
    """A cell before the first update, means over its seeds; NaN where something is not known.

    family: model type of the backbone, its name where that is not known. trained, failed: runs. loss: measured by
    itself, else of the first training step; infinite where it is not finite. units: that loss over ln(candidates), the
    loss of telling nothing apart. row_norm: mean L2 norm of the rows of W, undivided; used_norm: over k, whether W
    itself is divided or what goes into it or comes out of it. Of the first batch, active_*: share of the vocabulary
    with a weight above 0; empty_*: share of texts without any; score_*: mean and standard deviation over all pairs;
    seen_sd: the latter over the temperature, as the softmax sees it; cosine_*: mean over pairs.
    """

    cell: Cell
    family: str
    outcome: Outcome
    trained: int
    failed: int
    k: float
    row_norm: float
    used_norm: float
    loss: float
    units: float
    active_document: float
    active_query: float
    empty_document: float
    empty_query: float
    score_mean: float
    score_sd: float
    seen_sd: float
    cosine_document: float
    cosine_query: float

    @property
    def made(self) -> int:
        """Runs that there are results of."""
        return self.trained + self.failed


@lru_cache(maxsize=2)
def step0_states(summary: Summary) -> tuple[Step0State, ...]:
    """Of every cell, in the order of the configuration; of one that was not run, what is known without a run."""
    return tuple(_state(summary, cell) for cell in summary.cells)


def has_failed(verdict: str | None) -> bool:
    """Whether a run collapsed by the declared definitions, `lost` included."""
    return verdict in COLLAPSED


def _state(summary: Summary, cell: Cell) -> Step0State:
    audit = summary.results.audits.get(cell.backbone)
    variant, ended = cell.variant, [verdict for verdict in cell.verdicts if verdict is not None]
    vocabulary = math.nan if audit is None else audit.vocabulary
    k = _mean(cell.outcome(lambda outcome: outcome.scale))
    if math.isnan(k) and not variant.unchosen:
        k = variant.scale
    found = _mean(cell.outcome(lambda outcome: outcome.row_norm_before))
    norm = found * (k if variant.divides_matrix else 1.0)
    loss = _loss(summary, cell)
    temperature = summary.config.train_settings(cell.backbone, over=variant.over).temperature
    score_sd = _first(cell, "score_sd")
    return Step0State(
        cell=cell, family=cell.backbone if audit is None else audit.model_type, outcome=outcome_of(cell),
        trained=sum(not has_failed(verdict) for verdict in ended), failed=sum(map(has_failed, ended)),
        k=_rounded(k), row_norm=_rounded(norm), used_norm=_rounded(norm / k),
        loss=_rounded(loss), units=_rounded(loss / _guessing(summary, cell)),
        active_document=_rounded(_first(cell, "active_document") / vocabulary),
        active_query=_rounded(_first(cell, "active_query") / vocabulary),
        empty_document=_rounded(_first(cell, "empty_document")), empty_query=_rounded(_first(cell, "empty_query")),
        score_mean=_rounded(_first(cell, "score_mean")), score_sd=_rounded(score_sd),
        seen_sd=_rounded(score_sd / temperature),
        cosine_document=_rounded(_first(cell, "cosine_document")), cosine_query=_rounded(_first(cell, "cosine_query")),
    )  # fmt: skip


def _loss(summary: Summary, cell: Cell) -> float:
    loss = summary.first_loss(cell)
    if loss is not None and math.isfinite(loss):
        return loss
    return math.inf if cell.made else math.nan


def _guessing(summary: Summary, cell: Cell) -> float:
    """ln(candidates); NaN for a loss that has none, and where nothing says how many there are."""
    step0, audit = summary.step0(cell), summary.results.audits.get(cell.backbone)
    candidates = step0.candidates if step0 is not None else None if audit is None else audit.text.documents
    return math.nan if candidates is None else math.log(candidates)


def _first(cell: Cell, column: str) -> float:
    """Mean over seeds of a column of the history, before the first update."""

    def value(run: RunResult) -> float:
        return math.nan if run.history is None or run.history.empty else float(run.history[column].iloc[0])

    return _mean(cell.spread(value))


def _mean(spread: Spread) -> float:
    return math.nan if spread.mean is None else spread.mean


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
