"""Watches a run for collapse while it trains."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from rescalade.objective.collapse import Course
from rescalade.objective.measures import Row
from rescalade.outcome import VerdictName

logger = logging.getLogger(__name__)


class CollapseWatch:
    """Warns when a condition begins and says when it ends; knows how long the present ones have lasted.

    Fresh heads are often saturated, and it is the regulariser that makes them sparse: so only steps after the ramp
    count towards `patience`, except for *non-finite*, which no regulariser mends. *flat*, as every run begins, is not
    spoken of before the end of the ramp.
    """

    def __init__(self, vocabulary: int, candidates: int | None, steps: int, *, ramp: int, patience: int) -> None:
        self._course = Course(vocabulary, candidates, steps)
        self._ramp, self._patience = ramp, patience
        self._began: dict[VerdictName, int] = {}

    def replay(self, history: Iterable[Row]) -> None:
        """Take in the rows that an interrupted run left, without warnings."""
        for row in history:
            self._update(row)

    def see(self, row: Row) -> bool:
        """Take in a step; returns whether a condition has lasted longer than the patience."""
        before = self._began
        self._update(row)
        step = int(row["step"])
        for name in self._began.keys() - before.keys():
            logger.warning("step %d: %s: %s", step, name, self._course.held[name].seen)
        for name in before.keys() - self._began.keys():
            logger.info("step %d: no longer %s, which it was from step %d", step, name, before[name])
        return any(
            step + 1 - max(began, 0 if name == "non-finite" else self._ramp) >= self._patience
            for name, began in self._began.items()
        )

    def _update(self, row: Row) -> None:
        self._course.add(row)
        self._began = {
            name: condition.since
            for name, condition in self._course.held.items()
            if name != "flat" or row["step"] >= self._ramp
        }
