"""Where the CPU seconds of an experiment went: each job leaves what it took, beside the results."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from rescalade.config import Config
from rescalade.errors import UserError
from rescalade.paths import Paths
from rescalade.pipeline.jobs import ALL, RULES, make_jobs
from rescalade.pipeline.stage_row import Stage
from rescalade.stored import Stored


class Cost(Stored):
    """What one job took, in seconds.

    start: CPU time before its work began, for Python, libraries and the configuration. work: CPU time after that, of
    the processes that it started too. wall: from the beginning of its work to the end.
    """

    start: float
    work: float
    wall: float


@dataclass(frozen=True)
class StageCost:
    """Sums over the jobs of a stage. jobs: how many there are. measured: how many of them have left their costs."""

    SUMS: ClassVar = ("jobs", "measured", "start", "work", "wall")

    stage: str
    jobs: int
    measured: int
    start: float
    work: float
    wall: float


def cost_file(paths: Paths, row: Stage, names: Mapping[str, str]) -> Path:
    """Where a job leaves it; no output: it can be deleted."""
    return paths.results / ".costs" / row.name / f"{'/'.join(names[name] for name in row.names)}.json"


@contextmanager
def measured(path: Path) -> Iterator[None]:
    """Time the work of a job, which has ended well when its cost is written."""
    start, begun = _cpu_seconds(), time.perf_counter()
    yield
    cost = Cost(
        start=round(start, 3), work=round(_cpu_seconds() - start, 3), wall=round(time.perf_counter() - begun, 3)
    )
    with suppress(OSError):  # whatever is wrong with the disk, the job's own outputs are there
        cost.write(path)


def costs_of(config: Config, paths: Paths) -> list[StageCost]:
    """By stage of the experiment, in the order of the pipeline.

    Raises:
        UserError: no job of it has left any.
    """
    found: dict[str, list[Cost | None]] = {rule: [] for rule in RULES if rule != ALL}
    for job in make_jobs(config, paths).values():
        if job.row is not None:
            found[job.rule].append(_read(cost_file(paths, job.row, job.names)))
    costs = [_sum(rule, each) for rule, each in found.items() if each]
    if not any(cost.measured for cost in costs):
        raise UserError(f"{paths.results} has no costs of {config.name!r}; jobs leave them when they run")
    return costs


def _read(path: Path) -> Cost | None:
    with suppress(UserError):  # of another version
        return Cost.read_or_none(path)
    return None


def _sum(rule: str, costs: list[Cost | None]) -> StageCost:
    known = [cost for cost in costs if cost is not None]
    sums = [sum(getattr(cost, name) for cost in known) for name in ("start", "work", "wall")]
    return StageCost(rule, len(costs), len(known), *sums)


def _cpu_seconds() -> float:
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system
