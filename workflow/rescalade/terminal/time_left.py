"""How long a call will still take, from the jobs that it has seen: a range, since they differ."""

from __future__ import annotations

from collections.abc import Sequence

from rescalade.pipeline.graph import STAGES
from rescalade.terminal.course import Course

FEWEST = 3
"""Finished jobs before anything is said, and jobs of a stage whose spread says how far the next may be off."""
UNSURE = 1.4
"""Factor by which a stage's time may be off where fewer of its jobs have been seen."""
UNSEEN = 3.0
"""The same for a stage of which nothing has been seen, held against those that have by what is typical."""
Range = tuple[float, float]


def time_left(course: Course, now: float) -> Range | None:
    """Least and most seconds that are left; None where too little has been seen.

    Work left is what every stage's jobs took so far, times those that are left of it; a running job counts as what its
    own progress says, or what it has not yet taken. Of a stage of which nothing has been seen it is guessed, by what
    its jobs and those seen typically take. As many jobs run side by side as did so far.
    """
    taken = [each for durations in course.durations.values() for each in durations]
    if len(taken) < FEWEST:
        return None
    running = list(course.running.values())
    spans = {stage: _span(seen) for stage, seen in course.durations.items() if seen}
    pace = sum(taken) / sum(_typical(stage) * len(seen) for stage, seen in course.durations.items() if seen)

    def span(stage: str) -> Range:
        guessed = _typical(stage) * pace
        return spans.get(stage, (guessed / UNSEEN, guessed * UNSEEN))

    left: list[Range] = []
    for job in running:
        spent = now - job.started
        told = None if job.log is None or job.log.progress is None else job.log.progress.seconds_left
        if told is not None:
            spans.setdefault(job.stage, ((spent + told) / UNSURE, (spent + told) * UNSURE))
            left.append((told / UNSURE, told * UNSURE))
        else:
            low, high = span(job.stage)
            left.append((max(0.0, low - spent), max(0.0, high - spent)))
    longest_running = max((high for _, high in left), default=0.0)
    for stage, jobs in course.left().items():
        low, high = span(stage)
        left.append((low * jobs, high * jobs))
    started = min(course.began.values())
    busy = sum(taken) + sum(now - job.started for job in running)
    beside = max(1.0, busy / max(now - started, 1e-9))
    low, high = (sum(each[side] for each in left) / beside for side in (0, 1))
    return low, max(high, longest_running)


def _typical(stage: str) -> float:
    """By the table of stages; of a target, which is none, nothing is known."""
    return STAGES[stage].seconds if stage in STAGES else 1.0


def _span(seen: Sequence[float]) -> Range:
    mean = sum(seen) / len(seen)
    if len(seen) < FEWEST:
        return mean / UNSURE, mean * UNSURE
    # the mean of many is known better than any one of them
    return (min(seen) + mean) / 2, (max(seen) + mean) / 2
