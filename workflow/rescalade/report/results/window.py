"""Windows: a run trains if and only if each of some numbers lies between two ends. Fitted to have the fewest errors."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rescalade.report.results.numbers import written


@dataclass(frozen=True)
class Window:
    """What lies from `low` to `high`; both may be infinite. A value that is not finite lies in none."""

    low: float = -math.inf
    high: float = math.inf

    def __contains__(self, value: object) -> bool:
        return isinstance(value, float) and math.isfinite(value) and self.low <= value <= self.high

    @property
    def words(self) -> str:
        """`0.0081 to 0.240`, `to 2.00`, `from 0.100`, `any`, `none`."""
        low, high = (_in_words(end) for end in (self.low, self.high))
        if self.low > self.high:
            return "none"
        if math.isinf(self.low):
            return "any" if math.isinf(self.high) else f"to {high}"
        return f"from {low}" if math.isinf(self.high) else f"{low} to {high}"


def _in_words(end: float) -> str:
    """Three significant digits below 0.1 too, since ends are what new starts are held against."""
    return f"{end:.3g}" if 0 < abs(end) < 0.1 else written(end, "size")


Box = tuple[Window, ...]
"""A window of each number."""
NOTHING = Window(math.inf, -math.inf)
"""Holds no value."""


@dataclass(frozen=True)
class Axis:
    """How far apart two values are: |a - b|, or with a floor |log(a + floor) - log(b + floor)|.

    So on an axis with a floor ratios count, and values far below the floor are as good as 0. from_below: whether only
    windows without a lower end are fitted.
    """

    floor: float | None = None
    from_below: bool = False

    def place(self, value: float) -> float:
        """Where a value stands; distances are differences of places."""
        return value if self.floor is None else math.log(value + self.floor)

    def middle(self, one: float, other: float) -> float:
        """The value halfway between two."""
        halfway = (self.place(one) + self.place(other)) / 2
        return halfway if self.floor is None else math.exp(halfway) - self.floor


@dataclass(frozen=True)
class Begun:
    """A run by what it began with, one number for each axis, and what became of it."""

    values: tuple[float, ...]
    trained: bool


def inside(box: Box, values: Sequence[float]) -> bool:
    """Whether every number lies in its window."""
    return all(value in window for value, window in zip(values, box, strict=True))


def errors(box: Box, runs: Iterable[Begun]) -> int:
    """Runs inside that failed, and runs outside that trained."""
    return sum(inside(box, run.values) != run.trained for run in runs)


def unavoidable(runs: Iterable[Begun]) -> int:
    """Errors of whatever rule that knows these numbers alone: runs with equal ones that ended as fewer of them did."""
    counts: dict[tuple[float, ...], list[int]] = {}
    for run in runs:
        counts.setdefault(run.values, [0, 0])[run.trained] += 1
    return sum(min(pair) for pair in counts.values())


def fitted(runs: Sequence[Begun], axes: Sequence[Axis]) -> Box:
    """The box with the fewest errors, of one or two windows.

    An end is the middle between neighbouring values, or infinite. Of boxes with equally few errors the one counts whose
    nearest pair of values on two sides of an end lies farthest apart; of such the widest, first on the first axis.

    Returns:
        A window per axis; NOTHING on each where no box is better than to expect that every run fails.
    """
    grids = [_Ends.of([run.values[place] for run in runs], axis) for place, axis in enumerate(axes)]
    known = [run for run in runs if all(map(math.isfinite, run.values))]
    while len(grids) < 2:  # an axis on which all runs stand together has no ends but the infinite ones
        grids.insert(0, _Ends.of([0.0], Axis()))
    outer, inner = grids
    weights = np.zeros((len(outer.values), len(inner.values)), dtype=np.int64)
    for run in known:
        values = (*[0.0] * (2 - len(run.values)), *run.values)
        weights[outer.values.index(values[0]), inner.values.index(values[1])] += 1 if run.trained else -1
    sums = np.pad(weights.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    gaps = sorted({*outer.gaps, *inner.gaps})
    most = _best(sums, outer, inner, gaps[0])[0]
    low, high = 0, len(gaps) - 1  # the widest gap at which as few errors can be had, by bisection
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _best(sums, outer, inner, gaps[middle])[0] == most else (low, middle - 1)
    gain, cuts = _best(sums, outer, inner, gaps[low])
    if gain < 0 or (gain == 0 and math.isfinite(gaps[low])):  # nothing at all is as good, and has no end
        return (NOTHING,) * len(axes)
    return (outer.window(*cuts[0]), inner.window(*cuts[1]))[2 - len(axes) :]


@dataclass(frozen=True)
class _Ends:
    """Distinct finite values in their order, and the cuts around them: cut c lies below value c.

    gaps: how far apart the values on the two sides of a cut are, infinite for the first and the last.
    """

    axis: Axis
    values: list[float]
    gaps: list[float]

    @classmethod
    def of(cls, values: Iterable[float], axis: Axis) -> _Ends:
        kept = sorted({value for value in values if math.isfinite(value)}) or [0.0]
        places = [axis.place(value) for value in kept]
        between = [above - below for below, above in itertools.pairwise(places)]
        return cls(axis, kept, [math.inf, *between, math.inf])

    def cuts(self, gap: float) -> NDArray[np.int64]:
        """Cuts at which the values lie at least so far apart."""
        return np.array([cut for cut, found in enumerate(self.gaps) if found >= gap])

    def lowest(self, gap: float) -> NDArray[np.int64]:
        """Those of them that may be a lower end."""
        return np.array([0]) if self.axis.from_below else self.cuts(gap)

    def window(self, low: int, high: int) -> Window:
        return Window(self._end(low, -math.inf), self._end(high, math.inf))

    def _end(self, cut: int, beyond: float) -> float:
        if math.isinf(self.gaps[cut]):
            return beyond
        return self.axis.middle(self.values[cut - 1], self.values[cut])


Cuts = tuple[int, int]


def _best(sums: NDArray[np.int64], outer: _Ends, inner: _Ends, gap: float) -> tuple[int, tuple[Cuts, Cuts]]:
    """Most that trained less that failed in a box that is not empty, whose ends are such cuts; and the widest such box.

    Args:
        sums: [X + 1, Y + 1], of all runs below a cut on either axis.
    """
    columns, tops = inner.cuts(gap), outer.cuts(gap)[::-1]
    starts = np.isin(columns, inner.lowest(gap))
    most, found = -int(np.abs(sums).max()) * 4 - 1, ((0, len(outer.values)), (0, len(inner.values)))
    for bottom in outer.lowest(gap):
        higher = tops[tops > bottom]
        if not len(higher):
            continue
        below = sums[np.ix_(higher, columns)] - sums[bottom, columns]
        # the least sum up to a start that lies left of each column
        before = np.minimum.accumulate(np.where(starts, below, np.iinfo(np.int64).max // 2), axis=1)
        gains = below[:, 1:] - before[:, :-1]
        if gains.max() > most:
            most = int(gains.max())
            row = int((gains == most).any(axis=1).argmax())
            left, right = _sides(below[row], starts, most)
            found = (int(bottom), int(higher[row])), (int(columns[left]), int(columns[right]))
    return most, found


def _sides(below: NDArray[np.int64], starts: NDArray[np.bool_], most: int) -> Cuts:
    """The leftmost start, and the rightmost end of those beyond it, between which the sum grows by so much."""
    grows = (below[None, :] - below[:, None] == most) & starts[:, None] & np.triu(np.ones((len(below),) * 2, bool), 1)
    left = int(grows.any(axis=1).argmax())
    return left, len(below) - 1 - int(grows[left, ::-1].argmax())
