"""What explanations expected of cells, held against what came out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from rescalade.config.predictions import Expected
from rescalade.report.results.summary import Cell, Summary

Outcome = Literal["trains", "fails", "both", "not run"]
Score = Literal["right", "wrong", "undecided"]
"""undecided: the cell was not run, or its seeds disagree."""


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
