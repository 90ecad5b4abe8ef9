"""Runs gathered into cells (backbone, variant), with verdicts and each backbone's best k."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from rescalade.config import Config
from rescalade.outcome import Outcome
from rescalade.report.results.labels import metric, quality_words
from rescalade.report.results.load import Results, RunResult
from rescalade.report.results.numbers import Spread, listed
from rescalade.scoring.scores import Scores
from rescalade.step0 import Step0
from rescalade.variants import Variant

ScoresBySet = Mapping[str, Scores]
"""Of a run or of BM25, by data set."""
LOST_SHARE = 0.5
"""A run is `lost` below this share of the highest in-domain quality of its backbone, or of that of BM25."""
COLLAPSED = ("dead", "saturated", "degenerate", "flat", "non-finite", "lost")


@dataclass(frozen=True)
class Unit:
    """One out-of-domain column: a data set, or one group of it where the set has several."""

    dataset: str
    group: str | None
    title: str


@dataclass(frozen=True)
class Cell:
    """All seeds of one backbone and variant. verdicts: one per run, None where it was not made."""

    backbone: str
    variant: Variant
    runs: tuple[RunResult, ...]
    verdicts: tuple[str | None, ...]

    @property
    def made(self) -> tuple[RunResult, ...]:
        """Runs that there are results of."""
        return tuple(run for run in self.runs if run.made)

    @property
    def collapsed(self) -> bool:
        """More than half of the runs that were made collapsed by the declared definition."""
        known = [verdict for verdict in self.verdicts if verdict is not None]
        return sum(verdict in COLLAPSED for verdict in known) * 2 > len(known)

    @property
    def unstable(self) -> bool:
        """Some of the runs that were made collapsed and others did not."""
        return len({verdict in COLLAPSED for verdict in self.verdicts if verdict is not None}) > 1

    def spread(self, pick: Callable[[RunResult], float]) -> Spread:
        """Mean and sd of a value over the runs that were made."""
        return Spread.of(pick(run) for run in self.made)

    def outcome(self, pick: Callable[[Outcome], float]) -> Spread:
        """Mean and sd of a number in the outcome of the runs that were made."""
        return Spread.of(pick(run.outcome) for run in self.runs if run.outcome is not None)


@dataclass(frozen=True, eq=False)
class Summary:
    """The results of an experiment by cell; equal to itself alone, so that what is costly to say of it is kept."""

    results: Results

    @property
    def config(self) -> Config:
        """The configuration of the results."""
        return self.results.config

    @cached_property
    def units(self) -> tuple[Unit, ...]:
        """Out-of-domain columns: groups where a set has more than one, else the set."""
        units: list[Unit] = []
        for dataset in self.config.experiment.out_of_domain:
            known = [self.results.bm25.get(dataset), *(run.scores.get(dataset) for run in self.results.runs)]
            groups = sorted({name for scores in known if scores for name in scores.groups})
            if len(groups) > 1:
                units += [Unit(dataset, group, group) for group in groups]
            else:
                units.append(Unit(dataset, None, self.config.title("dataset", dataset)))
        return tuple(units)

    def in_domain(self, run: RunResult) -> float:
        """In-domain quality of a run, see `in_domain_quality`."""
        return self.in_domain_quality(run.scores)

    def out_of_domain(self, run: RunResult) -> float:
        """Out-of-domain quality of a run, see `out_of_domain_quality`."""
        return self.out_of_domain_quality(run.scores)

    def in_domain_quality(self, scores: ScoresBySet) -> float:
        """Plain mean over the in-domain sets of each set's own measure; NaN where one is missing."""
        return self._quality_on(self.config.experiment.in_domain, scores)

    def out_of_domain_quality(self, scores: ScoresBySet) -> float:
        """Plain mean over the out-of-domain columns of their sets' measures; NaN where one is missing or none is."""
        return mean([unit_measure(scores.get(u.dataset), u, metric(self.config, u.dataset)) for u in self.units])

    @cached_property
    def in_domain_label(self) -> str:
        """The measure of in-domain quality, or which ones it is the mean of."""
        return quality_words(self.config, self.config.experiment.in_domain)

    @cached_property
    def out_of_domain_label(self) -> str:
        """The measure of out-of-domain quality, or which ones it is the mean of; only where there are such sets."""
        return quality_words(self.config, self.config.experiment.out_of_domain)

    @cached_property
    def chosen_apart(self) -> bool:
        """Whether the best k is chosen on other queries than those it is judged by: on development sets."""
        return bool(self.config.experiment.development)

    @cached_property
    def choice_words(self) -> str:
        """On which queries the best k is chosen, as the end of a sentence about it."""
        sets = self.config.experiment.development
        if not sets:
            return "chosen on the same queries, which favours it"
        return f"chosen on other queries, {listed([self.config.title('dataset', name) for name in sets])}"

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """All cells, in the order of the configuration: backbone, mode, scale."""
        return tuple(
            Cell(backbone, variant, tuple(runs), tuple(self._verdict(run) for run in runs))
            for (backbone, variant), runs in self._grouped.items()
        )

    def of(self, backbone: str) -> list[Cell]:
        """Cells of one backbone."""
        return [cell for cell in self.cells if cell.backbone == backbone]

    def divided(self, backbone: str) -> list[Cell]:
        """Cells of one backbone of which the head is divided and nothing else is done: what says something of k."""
        return [cell for cell in self.of(backbone) if cell.variant.plain]

    def cell(self, backbone: str, scale: float, mode: str = "tied") -> Cell | None:
        """The cell of that scale and mode with the bias left alone and nothing else done, if the experiment has it.

        One whose k was given comes before one whose k a rule chose.
        """
        found = [
            cell
            for cell in self.divided(backbone)
            if cell.variant.scale == scale and cell.variant.mode == mode and not cell.variant.bias
        ]
        return min(found, key=lambda cell: cell.variant.rule or "", default=None)

    def baseline(self, cell: Cell) -> Cell | None:
        """The cell of the backbone at k = 1: in this cell's mode if it was run so, else tied."""
        found = self.cell(cell.backbone, 1.0, cell.variant.mode)
        if found is None or not found.made:
            found = self.cell(cell.backbone, 1.0) or found
        return found

    def quality(self, cell: Cell) -> float:
        """Mean in-domain quality over seeds; NaN where nothing was scored."""
        return self._mean_quality(cell.runs)

    def choice_quality(self, cell: Cell) -> float:
        """What the best k is chosen by, mean over seeds: quality on the development sets, without these in-domain.

        Plain mean over the sets of each set's own measure; NaN where nothing was scored.
        """
        sets = self.config.experiment.development or self.config.experiment.in_domain
        value = cell.spread(lambda run: self._quality_on(sets, run.scores)).mean
        return math.nan if value is None else value

    def best(self, backbone: str) -> Cell | None:
        """The cell with the highest quality by `choice_quality`; the smaller scale in a tie."""
        return self.best_of(self.of(backbone))

    def is_best(self, cell: Cell) -> bool:
        """Whether tables mark it: the best of several cells, and no collapse."""
        return len(self.of(cell.backbone)) > 1 and not cell.collapsed and self.best(cell.backbone) is cell

    def best_of(self, cells: Iterable[Cell]) -> Cell | None:
        """The best of some cells, by the same rule as `best`; None where none was scored."""
        scored = [(value, cell) for cell in cells if math.isfinite(value := self.choice_quality(cell))]
        return max(scored, key=lambda pair: (pair[0], -pair[1].variant.scale))[1] if scored else None

    def untrained(self, backbone: str, adapted: bool = False) -> ScoresBySet:
        """Scores of a backbone before any training, or after its adaptation alone; none where it was not scored."""
        found = self.results.untrained_adapted if adapted else self.results.untrained
        return found.get(backbone, {})

    def verdict(self, run: RunResult) -> str | None:
        """Verdict of one run, `lost` included."""
        return self._verdict(run)

    @cached_property
    def failed_share(self) -> float:
        """Share of the runs that were made that collapsed; NaN where none was made."""
        verdicts = [verdict for cell in self.cells for verdict in cell.verdicts if verdict is not None]
        return sum(verdict in COLLAPSED for verdict in verdicts) / len(verdicts) if verdicts else math.nan

    def first_loss(self, cell: Cell) -> float | None:
        """Loss at step 0: measured forward-only, else of the first training step, mean over seeds."""
        measured = self.step0(cell)
        return cell.outcome(lambda outcome: outcome.first_loss).mean if measured is None else measured.loss

    def step0(self, cell: Cell) -> Step0 | None:
        """The loss before training, where it was measured by itself; it needs no run."""
        return self.results.step0.get((cell.backbone, cell.variant))

    @cached_property
    def _grouped(self) -> dict[tuple[str, Variant], list[RunResult]]:
        grouped: dict[tuple[str, Variant], list[RunResult]] = {}
        for run in self.results.runs:
            grouped.setdefault((run.run.backbone, run.run.variant), []).append(run)
        return grouped

    def _quality_on(self, datasets: Sequence[str], scores: ScoresBySet) -> float:
        return mean([measure(scores.get(name), metric(self.config, name)) for name in datasets])

    def _mean_quality(self, runs: Sequence[RunResult]) -> float:
        value = Spread.of(self.in_domain(run) for run in runs if run.made).mean
        return math.nan if value is None else value

    @cached_property
    def _best_quality(self) -> dict[str, float]:
        """Per backbone, before verdicts exist: the highest mean in-domain quality, wherever the best k is chosen."""
        best: dict[str, float] = {}
        for (backbone, _), runs in self._grouped.items():
            value = self._mean_quality(runs)
            if math.isfinite(value):
                best[backbone] = max(value, best.get(backbone, 0.0))
        return best

    def _verdict(self, run: RunResult) -> str | None:
        if run.outcome is None:
            return None
        bars = [
            LOST_SHARE * self._best_quality.get(run.run.backbone, math.nan),
            LOST_SHARE * self.in_domain_quality(self.results.bm25),
            self.in_domain_quality(self.untrained(run.run.backbone, run.run.variant.adapted)),
        ]
        if run.outcome.verdict == "trained" and any(self.in_domain(run) < bar for bar in bars):
            return "lost"
        return run.outcome.verdict


def measure(scores: Scores | None, name: str) -> float:
    """A measure of a data set's scores; NaN where it is missing."""
    return math.nan if scores is None else scores.metrics.get(name, math.nan)


def unit_measure(scores: Scores | None, unit: Unit, name: str) -> float:
    """A measure of an out-of-domain column."""
    if scores is None or unit.group is None:
        return measure(scores, name)
    return scores.groups.get(unit.group, {}).get(name, math.nan)


def sparsity(scores: Scores | None, name: str) -> float:
    """A field of a data set's sparsity; NaN where there is none."""
    return math.nan if scores is None or scores.sparsity is None else float(getattr(scores.sparsity, name))


def mean(values: Sequence[float]) -> float:
    """Plain mean; NaN where there is nothing or something missing."""
    return math.fsum(values) / len(values) if values else math.nan
