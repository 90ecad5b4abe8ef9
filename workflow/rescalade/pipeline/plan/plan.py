"""A plan: what the report of an experiment takes, before anything starts."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rescalade.config import Config
from rescalade.paths import Paths
from rescalade.pipeline.jobs import RULES, make_jobs
from rescalade.pipeline.plan.assumptions import Assumptions
from rescalade.pipeline.plan.space import disk_bytes, download_bytes
from rescalade.pipeline.plan.todo import jobs_to_do
from rescalade.pipeline.plan.work import Work, measure_work


@dataclass(frozen=True)
class Plan:
    """Jobs by rule in an empty folder (`jobs`) and now (`todo`); work, downloads and disk of what is to do.

    disk: bytes under the results folder by kind. downloads: bytes by name; they go to the caches of ir_datasets and
    of the hub. free: bytes on the disk of the results folder. same_disk: whether those caches lie on it too. unknown:
    what the sums leave out.
    """

    experiment: str
    jobs: dict[str, int]
    todo: dict[str, int]
    work: Work
    downloads: dict[str, int]
    disk: dict[str, int]
    free: int
    same_disk: bool
    unknown: list[str]
    assumptions: Assumptions

    @property
    def needed(self) -> int:
        """Bytes that the disk of the results folder has to take."""
        return sum(self.disk.values()) + (sum(self.downloads.values()) if self.same_disk else 0)

    @property
    def fits(self) -> bool:
        """Whether they are free."""
        return self.needed <= self.free

    def as_json(self) -> dict[str, Any]:
        """Everything, for a file."""
        work = {**asdict(self.work), "unknown": sorted(self.work.unknown)}
        return {**asdict(self), "work": work, "needed": self.needed, "fits": self.fits}


def make_plan(config: Config, paths: Paths, assumed: Assumptions) -> Plan:
    """Count the jobs of the chosen experiment and estimate what they take. Reads small files only, and no network."""
    jobs = make_jobs(config, paths)
    todo = jobs_to_do(jobs)
    keys = [key for key in jobs if key in todo]
    work = measure_work(config, paths, jobs, keys, assumed)
    downloads, unknown = download_bytes(config, paths, keys)
    place = _existing(paths.results)
    return Plan(
        experiment=config.name,
        jobs=_by_rule(Counter(key[0] for key in jobs)),
        todo=_by_rule(Counter(key[0] for key in keys)),
        work=work,
        downloads=downloads,
        disk=disk_bytes(config, paths, jobs, keys, assumed),
        free=shutil.disk_usage(place).free,
        same_disk=_existing(Path.home()).stat().st_dev == place.stat().st_dev,
        unknown=sorted(unknown | work.unknown),
        assumptions=assumed,
    )


def _by_rule(counted: Counter[str]) -> dict[str, int]:
    return {rule: counted[rule] for rule in RULES if counted[rule]}


def _existing(folder: Path) -> Path:
    return next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
