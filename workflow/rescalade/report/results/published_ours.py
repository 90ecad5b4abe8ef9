"""This run's value for a published one, and the noise of a single run of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from rescalade.published import Published, PublishedValue
from rescalade.report.results.load import RunResult
from rescalade.report.results.noise import Noise, pooled
from rescalade.report.results.numbers import Spread
from rescalade.report.results.summary import COLLAPSED, Cell, Summary, mean, measure
from rescalade.scoring.scores import Scores

Kind = Literal["effectiveness", "loss", "index size", "head norm"]
KINDS: Mapping[str, Kind] = {
    "row_norm": "head norm",
    "row_norm_max": "head norm",
    "row_norm_divided": "head norm",
    "anisotropy": "head norm",
    "step0_loss": "loss",
    "last_loss": "loss",
    "index_gigabytes": "index size",
}
"""Of measures that are not effectiveness. Head norms say nothing of training: the audit refuses a checkpoint whose
norms are not the published ones, and W / k follows from them."""


@dataclass(frozen=True)
class Ours:
    """Ours of a published value.

    cell: None for what no run of ours stands behind. runs: that the mean is over; micro-batches count in steps. noise:
    of a single run, where it is known apart from seeds.
    """

    spread: Spread
    cell: Cell | None = None
    runs: float = 1.0
    noise: Noise | None = None


def called(summary: Summary, backbone: str, names: Sequence[str]) -> bool:
    """Whether a backbone of the configuration is the published one of these names."""
    config = summary.config.backbone(backbone)
    return backbone in names or (config.id is not None and config.id in names)


def own_name(summary: Summary, published: Published, backbone: str) -> str | None:
    """What the experiment calls a published backbone; None where it has none."""
    names = published.backbones[backbone].names
    return next((name for name in summary.config.backbones() if called(summary, name, names)), None)


def _ready_name(summary: Summary, published: Published, backbone: str) -> str | None:
    """What the experiment calls a published model that is evaluated as it is; None where it has none."""
    names = published.backbones[backbone].names
    return next((name for name in summary.config.experiment.models if called(summary, name, names)), None)


def own_cell(summary: Summary, published: Published, backbone: str, scale: float) -> Cell | None:
    """The cell of a published system: in the variant that its file names, else plain at the scale; None without one."""
    name, variant = own_name(summary, published, backbone), published.backbones[backbone].variant
    if name is None or variant is None:
        return None if name is None else summary.cell(name, scale)
    return next((cell for cell in summary.of(name) if cell.variant.name == variant), None)


def ours_of(summary: Summary, published: Published, value: PublishedValue) -> Ours:
    """What this run has for it; an empty spread where it has nothing."""
    if value.backbone == "bm25":
        return Ours(Spread.of([_mean_measure(published, value, summary.results.bm25)]), noise=Noise(0.0, math.inf))
    backbone = own_name(summary, published, value.backbone)
    nothing = Ours(Spread(None, None, 0, 0))
    ready = _ready_name(summary, published, value.backbone)
    if ready is not None and (KINDS.get(value.measure, "effectiveness") in ("effectiveness", "index size")):
        # the very weights that were published: no seed, and no training, between theirs and ours
        scores = summary.results.ready.get(ready, {})
        return (
            Ours(Spread.of([_mean_measure(published, value, scores)]), noise=Noise(0.0, math.inf))
            if scores
            else nothing
        )
    if backbone is None:
        return nothing
    if value.measure in ("row_norm", "row_norm_max", "anisotropy"):
        return Ours(Spread.of([_audited(summary, backbone, value)]), noise=Noise(0.0, math.inf))
    cell = own_cell(summary, published, value.backbone, value.scale or 1.0)
    if cell is None:
        return nothing
    if value.measure == "row_norm_divided":
        return Ours(cell.outcome(lambda outcome: outcome.row_norm_before), cell, noise=Noise(0.0, math.inf))
    if value.measure == "step0_loss":
        return _step0(summary, cell)
    spread = (
        cell.outcome(lambda outcome: outcome.last_loss)
        if value.measure == "last_loss"
        else cell.spread(lambda run: _of_run(published, value, run))
    )
    return Ours(spread, cell, spread.finite or 1)


def _step0(summary: Summary, cell: Cell) -> Ours:
    """The forward-only loss where it was measured, else the first training step of each seed."""
    measured = summary.step0(cell)
    if measured is None or measured.standard_error is None:
        spread = cell.outcome(lambda outcome: outcome.first_loss)
        return Ours(spread, cell, spread.finite or 1)
    train = summary.config.train_settings(cell.backbone)
    steps = measured.batches * measured.queries / (train.batch_size * train.accumulation)
    noise = Noise(measured.standard_error * math.sqrt(steps), measured.batches - 1)  # of one step, as it was published
    return Ours(Spread(measured.loss, None, 1, 1), cell, steps, noise)


def _of_run(published: Published, value: PublishedValue, run: RunResult) -> float:
    return _mean_measure(published, value, run.scores)


def _mean_measure(published: Published, value: PublishedValue, scores: Mapping[str, Scores]) -> float:
    """The measure, over all data sets that are meant; NaN where one was not scored."""
    names = published.datasets[value.dataset].names if value.dataset else []
    if value.measure == "index_gigabytes":
        return mean([_index_bytes(scores.get(name)) / 1e9 for name in names])
    return mean([measure(scores.get(name), value.measure) for name in names])


def _index_bytes(scores: Scores | None) -> float:
    return math.nan if scores is None or scores.timings is None else scores.timings.index_bytes


def _audited(summary: Summary, backbone: str, value: PublishedValue) -> float:
    audit = summary.results.audits.get(backbone)
    if audit is None:
        return math.nan
    if value.measure == "anisotropy":
        return audit.anisotropy
    return audit.row_norm.max if value.measure == "row_norm_max" else audit.row_norm.mean


def pooled_noise(summary: Summary, published: Published, value: PublishedValue, own: Cell | None) -> Noise | None:
    """Over all other cells whose seeds all trained. Of losses relative to their mean, scaled to the published value."""
    if own is None:
        return None
    spreads = []
    for cell in summary.cells:
        if cell is own or any(verdict in COLLAPSED for verdict in cell.verdicts):
            continue
        if value.measure in ("step0_loss", "last_loss"):
            key = "first_loss" if value.measure == "step0_loss" else "last_loss"
            spread = cell.outcome(lambda outcome, key=key: float(getattr(outcome, key)))  # type: ignore[misc]
            if spread.sd is not None and spread.mean:
                spreads.append(Spread(1.0, spread.sd / abs(spread.mean), spread.finite, spread.total))
        else:
            spreads.append(cell.spread(lambda run: _of_run(published, value, run)))
    found = pooled(spreads)
    if found is not None and value.measure in ("step0_loss", "last_loss"):
        return Noise(found.sd * abs(value.value), found.freedom)
    return found
