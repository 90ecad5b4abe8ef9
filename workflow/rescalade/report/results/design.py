"""The design of an experiment with factors: its cells, their axes, and the columns of a linear model of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from rescalade.config.axes import Axis, axes_of, interactions_of
from rescalade.report.results.summary import Cell, Summary

Term = tuple[int, ...]
"""Places of the axes that a term is of: one for a main effect, more for an interaction."""
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Design:
    """interactions: terms of two axes or more, of which each adds something to the smaller ones."""

    cells: tuple[Cell, ...]
    axes: tuple[Axis, ...]
    interactions: tuple[Term, ...]

    @property
    def terms(self) -> list[Term]:
        """Main effects, then interactions."""
        return [*((place,) for place in range(len(self.axes))), *self.interactions]

    def without(self, place: int) -> list[Term]:
        """All terms that are not of an axis."""
        return [term for term in self.terms if place not in term]

    def additive_in(self, place: int) -> list[Term]:
        """All terms without the interactions that are of an axis."""
        return [term for term in self.terms if place not in term or len(term) == 1]

    def tells(self, term: Term) -> bool:
        """Whether a term adds something to all others but those that it is part of."""
        rest = [other for other in self.terms if not set(term) <= set(other)]
        return len(basis(self.columns([*rest, term])).T) > len(basis(self.columns(rest)).T)

    def columns(self, terms: Sequence[Term]) -> Matrix:
        """[cells, columns] 1, and for each term the indicators of its combinations of levels beside the baseline's.

        Combinations that no cell has make no column. Columns may still depend on one another.
        """
        columns = [np.ones((len(self.cells), 1)), *(self._columns(term) for term in terms)]
        return np.hstack(columns)

    def _columns(self, term: Term) -> Matrix:
        axes = [self.axes[place] for place in term]
        indicators = [[np.array(axis.found) == level for level in axis.levels[1:]] for axis in axes]
        columns = [np.logical_and.reduce(chosen) for chosen in product(*indicators)]
        there = [column for column in columns if column.any()]
        return np.array(there, dtype=np.float64).reshape(len(there), len(self.cells)).T


@lru_cache(maxsize=2)
def design_of(summary: Summary) -> Design:
    """The design of all cells of the experiment, whether they were run or not.

    Raises:
        ValueError: the experiment has no factors.
    """
    config, factors = summary.config, summary.config.experiment.factors
    if factors is None:
        raise ValueError(f"experiment {config.name} has no factors")
    own = config.recipe.train.model_dump() | config.experiment.train.model_dump(exclude_unset=True)
    axes = axes_of(
        factors,
        [(cell.backbone, cell.variant) for cell in summary.cells],
        lambda backbone, variant: config.train_settings(backbone, None, variant.over).model_dump(),
        own,
    )
    whole = Design(summary.cells, tuple(axes), tuple(interactions_of(factors, axes)))
    return replace(whole, interactions=tuple(filter(whole.tells, whole.interactions)))


def independent(columns: Matrix) -> Matrix:
    """The columns of which each has something that those before it have not: another model of the same fits."""
    kept, space = [], np.empty((len(columns), 0))
    for number, column in enumerate(columns.T):
        rest = column - space @ (space.T @ column)
        rest -= space @ (space.T @ rest)  # once more, for what rounding left
        size = np.linalg.norm(rest)
        if size > 1e-9 * np.linalg.norm(column):
            kept.append(number)
            space = np.column_stack([space, rest / size])
    return columns[:, kept]


def basis(columns: Matrix) -> Matrix:
    """[rows, rank] orthonormal basis of the space of some columns: what a linear model of them can fit.

    Fits, and with them shares and predictions, depend on the space alone, so columns may depend on one another.
    """
    left, sizes, _ = np.linalg.svd(columns, full_matrices=False)
    kept: Matrix = left[:, sizes > sizes.max(initial=0.0) * max(columns.shape) * np.finfo(np.float64).eps]
    return kept


def determined(fitted: Matrix) -> NDArray[np.bool_]:
    """[rows] whether the other rows say what a model predicts of a row, from an orthonormal basis of its columns.

    A row of leverage 1 has a parameter of its own.
    """
    return np.asarray((fitted**2).sum(axis=1) < 1 - 1e-8)
