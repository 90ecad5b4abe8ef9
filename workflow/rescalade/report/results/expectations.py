"""What explanations expected of cells, held against what came out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Literal

from rescalade.config.predictions import Expected
from rescalade.report.results.summary import Cell, Summary

Outcome = Literal["trains", "fails", "both", "not run"]
Score = Literal["right", "wrong", "undecided"]
"""undecided: the cell was not run, or its seeds disagree."""
ALWAYS = "Every cell trains"
"""What an explanation has to be better than."""


@dataclass(frozen=True)
class Expectation:
    """One cell: what came out, and what each explanation had expected of it."""

    cell: Cell
    outcome: Outcome
    expected: Mapping[str, Expected]

    def score(self, explanation: str) -> Score | None:
        """Whether an explanation was right; None where it had said nothing."""
        if explanation not in self.expected:
            return None
        if self.outcome not in ("trains", "fails"):
            return "undecided"
        return "right" if self.expected[explanation] == self.outcome else "wrong"


@dataclass(frozen=True)
class Tally:
    """Cells that an explanation spoke of, by what became of its expectations."""

    key: str
    title: str
    right: int
    wrong: int
    undecided: int

    @property
    def decided(self) -> int:
        """Cells that came out one way."""
        return self.right + self.wrong

    @property
    def share(self) -> Fraction:
        """Right, of decided; expects that there are any."""
        return Fraction(self.right, self.decided)


@lru_cache(maxsize=2)
def expectations(summary: Summary) -> tuple[Expectation, ...]:
    """Of every cell that is predicted, in the order of the configuration."""
    cells = {(cell.backbone, cell.variant.name): cell for cell in summary.cells}
    return tuple(
        Expectation(cells[backbone, variant], outcome_of(cells[backbone, variant]), prediction.expects)
        for prediction in summary.config.experiment.predictions
        for backbone in prediction.backbones
        for variant in prediction.variants
        if (backbone, variant) in cells
    )


def outcome_of(cell: Cell) -> Outcome:
    """What all seeds that were made agree on."""
    if not cell.made:
        return "not run"
    if cell.unstable:
        return "both"
    return "fails" if cell.collapsed else "trains"


def tallies(summary: Summary) -> tuple[Tally, ...]:
    """Of every explanation, in the order of the configuration."""
    found = expectations(summary)
    return tuple(
        _tally(key, about.title, [score for one in found if (score := one.score(key)) is not None])
        for key, about in summary.config.experiment.explanations.items()
    )


def always(summary: Summary) -> Tally:
    """Of somebody who expects of every cell that anything is expected of that it trains."""
    scores: dict[Outcome, Score] = {"trains": "right", "fails": "wrong"}
    return _tally("always", ALWAYS, [scores.get(one.outcome, "undecided") for one in expectations(summary)])


def _tally(key: str, title: str, scores: Sequence[Score]) -> Tally:
    counts = Counter(scores)
    return Tally(key, title, counts["right"], counts["wrong"], counts["undecided"])
