"""How far a call is: jobs done, running and failed, by stage."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from rescalade.terminal.job import Job


@dataclass
class Course:
    """What is known of a call.

    planned: jobs by stage, in the order in which Snakemake says them. total, finished: jobs, those that make no files
    too. durations: seconds of the finished jobs by stage. began: when the first job of a stage did, and of all.
    """

    planned: dict[str, int] = field(default_factory=dict)
    total: int = 0
    finished: int = 0
    running: dict[int, Job] = field(default_factory=dict)
    failed: dict[int, Job] = field(default_factory=dict)
    durations: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    began: dict[str, float] = field(default_factory=dict)

    def plan(self, stats: Mapping[str, int], stages: tuple[str, ...]) -> None:
        """Take in the jobs that are to be run; what is no stage is a target, which takes no time."""
        self.planned = {stage: stats[stage] for stage in stages if stats.get(stage)}
        self.total = stats.get("total", sum(stats.values()))

    def begin(self, job: Job) -> None:
        """A job starts, or starts once more after it failed."""
        self.failed.pop(job.number, None)
        self.running[job.number] = job
        self.began.setdefault(job.stage, job.started)

    def finish(self, number: int, now: float) -> Job | None:
        """A job has made its files; None for one that nobody saw start."""
        job = self.running.pop(number, None)
        if job is not None:
            self.durations[job.stage].append(now - job.started)
        return job

    def fail(self, job: Job) -> None:
        """A job has failed."""
        self.running.pop(job.number, None)
        self.failed[job.number] = job

    def left(self) -> Counter[str]:
        """Jobs by stage that are neither done nor running nor failed."""
        started = Counter(job.stage for job in [*self.running.values(), *self.failed.values()])
        return Counter(self.planned) - started - Counter({stage: len(each) for stage, each in self.durations.items()})

    def is_done(self, stage: str) -> bool:
        """Whether all jobs of a stage are."""
        return len(self.durations[stage]) >= self.planned.get(stage, 0)

    def stages_done(self) -> int:
        """Stages of which all jobs are done."""
        return sum(self.is_done(stage) for stage in self.planned)
