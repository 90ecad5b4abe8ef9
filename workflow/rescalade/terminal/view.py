"""The live part of the display: a bar, what is left, and a line for every running job."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from rescalade.report.results.numbers import duration
from rescalade.terminal.amounts import about, counted, time_range
from rescalade.terminal.course import Course
from rescalade.terminal.job import Job
from rescalade.terminal.time_left import time_left

MOST_JOBS = 8
"""Lines for running jobs; of the others their number is said."""
NARROWEST_BAR, WIDEST_BAR, NARROWEST_NAMES = 10, 50, 20
"""Columns."""
COUNTED = {
    "backbone": "steps", "train": "steps", "step0_loss": "batches",
    "encode": "documents", "encode_shard": "documents", "collection": "documents",
}  # fmt: skip
"""What the progress of a stage counts."""


def view(course: Course, title: str, now: float, warnings: int, width: int) -> RenderableType:
    """The state of a call in `width` columns, as high as it has running jobs."""
    of = f"{course.finished:,} of {counted(course.total, 'job')}"
    bar = Table.grid(padding=(0, 1))
    bar.add_row(
        Text(title, "bold"),
        ProgressBar(
            total=max(course.total, 1),
            completed=course.finished,
            width=max(NARROWEST_BAR, min(WIDEST_BAR, width - len(title) - len(of) - 3)),
        ),
        of,
    )
    running = sorted(course.running.values(), key=lambda job: job.started)
    states = [job_state(job, now) for job in running[:MOST_JOBS]]
    room = [max(NARROWEST_NAMES, width - len(state) - 4) for state in states]
    names = min(max((len(job.title) for job in running[:MOST_JOBS]), default=0), *room)
    lines = [Text(summary(course, now, warnings), "dim")]
    for job, state, most in zip(running, states, room, strict=False):
        lines.append(Text.assemble("  ", _cut(job.title, most).ljust(names), "  ", (state, "cyan")))
    if len(running) > MOST_JOBS:
        lines.append(Text(f"  and {len(running) - MOST_JOBS} more"))
    for line in lines:
        line.no_wrap, line.overflow = True, "ellipsis"
    return Group(bar, *lines)


def _cut(text: str, width: int) -> str:
    """In so many columns; what is too long loses its middle, since stage and data set tell most."""
    if len(text) <= width:
        return text
    end = (width - 1) // 2
    return f"{text[: width - 1 - end]}\N{HORIZONTAL ELLIPSIS}{text[-end:]}"


def summary(course: Course, now: float, warnings: int) -> str:
    """Stages, time and trouble so far, in a line."""
    parts = [f"{course.stages_done()} of {counted(len(course.planned), 'stage')} done"]
    if course.began:
        parts.append(f"{duration(now - min(course.began.values()))} so far")
    if (left := time_left(course, now)) is not None:
        parts.append(f"{time_range(*left)} left")
    if course.failed:
        parts.append(f"{len(course.failed)} failed")
    if warnings:
        parts.append(counted(warnings, "warning"))
    return ", ".join(parts)


def job_state(job: Job, now: float) -> str:
    """What a running job tells of itself; of one that tells nothing, for how long it has run."""
    shown = None if job.log is None else job.log.progress
    if shown is None:
        return duration(now - job.started)
    what = COUNTED.get(job.stage)
    parts = [f"{shown.done:,} of {shown.total:,}" + (f" {what}" if what else "")]
    if "loss" in shown.values:
        parts.append(f"loss {shown.values['loss']:.3g}")
    if what is not None and job.log is not None and job.log.speed:
        parts.append(f"{job.log.speed:,.{0 if job.log.speed >= 10 else 1}f}/s")
    if shown.seconds_left is not None:
        parts.append(f"{about(shown.seconds_left)} left")
    return "  ".join(parts)
