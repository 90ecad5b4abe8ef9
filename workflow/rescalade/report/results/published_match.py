"""Published numbers matched with this run's, each with its verdict."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from rescalade.published import Published, PublishedValue
from rescalade.report.results.judgement import VERDICTS, Evidence, Move, Verdict, judge
from rescalade.report.results.load import RunResult
from rescalade.report.results.noise import Noise, pooled
from rescalade.report.results.numbers import Spread
from rescalade.report.results.summary import COLLAPSED, LOST_SHARE, Cell, Summary, mean, measure
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
class Match:
    """A published value and ours.

    runs: of ours that the mean is over; micro-batches count in steps. margin: in the unit of the value. noise: of a
    single run, None where it is unknown. trimmed: vectors of a run met the bound on their bytes, so that the rankings
    lack terms.
    """

    published: PublishedValue
    ours: Spread
    runs: float
    difference: float | None
    margin: float
    noise: Noise | None
    verdict: Verdict
    trimmed: bool = False

    @property
    def kind(self) -> Kind:
        """What sort of number it is."""
        return KINDS.get(self.published.measure, "effectiveness")


@dataclass(frozen=True)
class _Ours:
    """cell: None for what no run of ours stands behind. noise: known apart from seeds."""

    spread: Spread
    cell: Cell | None = None
    runs: float = 1.0
    noise: Noise | None = None


def matches(summary: Summary, published: Published) -> list[Match]:
    """Every published value in the order of the file."""
    ours = [_ours(summary, published, value) for value in published.values]
    found = []
    for value, mine in zip(published.values, ours, strict=True):
        margin = published.margin(value).of(value.value)
        noise = mine.noise or _pooled_noise(summary, published, value, mine.cell)
        difference = _difference(value, mine)
        evidence = Evidence(
            difference=difference,
            runs=mine.runs,
            margin=margin,
            noise=noise,
            unstable=mine.cell is not None and mine.noise is None and mine.cell.unstable,
            improves=_improves(value),
            failed=_failed(value, published.values),
            move=_move(value, mine, published.values, ours),
        )
        trimmed = mine.cell is not None and any(run.trimmed for run in mine.cell.made)
        found.append(Match(value, mine.spread, mine.runs, difference, margin, noise, judge(evidence), trimmed))
    return found


def counted(found: Iterable[Match]) -> str:
    """`Effectiveness: 70 of 76 reproduced, 6 not run. Losses: ...`, effectiveness first."""
    kinds: dict[Kind, Counter[Verdict]] = {"effectiveness": Counter()}
    for match in found:
        kinds.setdefault(match.kind, Counter())[match.verdict] += 1
    sentences = []
    for kind, counts in sorted(kinds.items(), key=lambda pair: list(_TITLES).index(pair[0])):
        if counts:
            parts = [f"{counts[name]} {name}" for name in VERDICTS if counts[name] or name == "reproduced"]
            parts[0] = f"{counts['reproduced']} of {counts.total()} reproduced"
            sentences.append(f"{_TITLES[kind]}: {', '.join(parts)}.")
    return " ".join(sentences)


_TITLES: Mapping[Kind, str] = {
    "effectiveness": "Effectiveness",
    "loss": "Losses",
    "index size": "Index sizes",
    "head norm": "Head norms, which do not depend on training",
}


def called(summary: Summary, backbone: str, names: Sequence[str]) -> bool:
    """Whether a backbone of the configuration is the published one of these names."""
    config = summary.config.backbone(backbone)
    return backbone in names or (config.id is not None and config.id in names)


def own_name(summary: Summary, published: Published, backbone: str) -> str | None:
    """What the experiment calls a published backbone; None where it has none."""
    names = published.backbones[backbone].names
    return next((name for name in summary.config.backbones() if called(summary, name, names)), None)


def _difference(value: PublishedValue, mine: _Ours) -> float | None:
    """None where nothing was run, NaN where what was run is no finite number in every seed."""
    if mine.spread.mean is not None:
        return mine.spread.mean - value.value
    return math.nan if mine.cell is not None and mine.cell.made and mine.spread.total and _scored(mine) else None


def _scored(mine: _Ours) -> bool:
    cell = mine.cell
    return cell is not None and all(run.scores for run in cell.made)


def _ours(summary: Summary, published: Published, value: PublishedValue) -> _Ours:
    if value.backbone == "bm25":
        return _Ours(Spread.of([_mean_measure(published, value, summary.results.bm25)]), noise=Noise(0.0, math.inf))
    backbone = own_name(summary, published, value.backbone)
    nothing = _Ours(Spread(None, None, 0, 0))
    if backbone is None:
        return nothing
    if value.measure in ("row_norm", "row_norm_max", "anisotropy"):
        return _Ours(Spread.of([_audited(summary, backbone, value)]), noise=Noise(0.0, math.inf))
    cell = summary.cell(backbone, value.scale or 1.0)
    if cell is None:
        return nothing
    if value.measure == "row_norm_divided":
        return _Ours(cell.outcome(lambda outcome: outcome.row_norm_before), cell, noise=Noise(0.0, math.inf))
    if value.measure == "step0_loss":
        return _step0(summary, cell)
    spread = (
        cell.outcome(lambda outcome: outcome.last_loss)
        if value.measure == "last_loss"
        else cell.spread(lambda run: _of_run(published, value, run))
    )
    return _Ours(spread, cell, spread.finite or 1)


def _step0(summary: Summary, cell: Cell) -> _Ours:
    """The forward-only loss where it was measured, else the first training step of each seed."""
    measured = summary.step0(cell)
    if measured is None or measured.standard_error is None:
        spread = cell.outcome(lambda outcome: outcome.first_loss)
        return _Ours(spread, cell, spread.finite or 1)
    train = summary.config.train_settings(cell.backbone)
    steps = measured.batches * measured.queries / (train.batch_size * train.accumulation)
    noise = Noise(measured.standard_error * math.sqrt(steps), measured.batches - 1)  # of one step, as it was published
    return _Ours(Spread(measured.loss, None, 1, 1), cell, steps, noise)


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


def _pooled_noise(summary: Summary, published: Published, value: PublishedValue, own: Cell | None) -> Noise | None:
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


def _improves(value: PublishedValue) -> Literal[-1, 0, 1]:
    if value.measure == "last_loss":
        return 0  # of another lambda a lower loss is no better model
    return 1 if value.measure not in KINDS else 0


def _failed(value: PublishedValue, values: Sequence[PublishedValue]) -> bool:
    """Whether the published value is below half of the backbone's best."""
    best = max((peer.value for peer in _peers(value, values)), default=value.value)
    return value.measure not in KINDS and value.value < LOST_SHARE * best


def _peers(value: PublishedValue, values: Iterable[PublishedValue]) -> list[PublishedValue]:
    """The same number at every k."""
    key = (value.backbone, value.measure, value.dataset, value.where)
    return [peer for peer in values if (peer.backbone, peer.measure, peer.dataset, peer.where) == key]


def _move(value: PublishedValue, mine: _Ours, values: Sequence[PublishedValue], ours: Sequence[_Ours]) -> Move | None:
    """From k = 1 to this k; for k = 1 from the k that is best in the paper."""
    if value.scale is None or KINDS.get(value.measure) == "head norm":
        return None
    others = [peer for peer in _peers(value, values) if peer.scale not in (None, value.scale)]
    if value.scale == 1:
        best = min if KINDS.get(value.measure) == "loss" else max
        reference = best(others, key=lambda peer: peer.value, default=None)
    else:
        reference = next((peer for peer in others if peer.scale == 1), None)
    if reference is None:
        return None
    theirs = next(found for peer, found in zip(values, ours, strict=True) if peer is reference)
    if mine.spread.mean is None or theirs.spread.mean is None:
        return None
    return Move(
        published=value.value - reference.value,
        ours=mine.spread.mean - theirs.spread.mean,
        runs=(mine.spread.finite, theirs.spread.finite),
    )
