"""What a dry run shows: per stage how many jobs there are and why."""

from __future__ import annotations

from collections import Counter
from logging import LogRecord
from pathlib import Path

from rich.console import Console

from rescalade.pipeline.graph import STAGES
from rescalade.terminal.display import NOTHING_TO_DO, event_of, say, show_message
from rescalade.terminal.job import Job
from rescalade.terminal.why import files, why

EVERY_JOB = "every job with its files: --verbose; every command: --printshellcmds"


class DryRun:
    """Collects the jobs of a dry run and shows them in the end."""

    def __init__(self, console: Console, every_job: bool = False) -> None:
        self._console = console
        self._every_job = every_job
        self._page: str | None = None
        self._jobs: list[tuple[Job, str]] = []

    def show(self, record: LogRecord) -> None:
        """Take in one record of Snakemake."""
        event = event_of(record)
        if event == "job_info":
            told = vars(record)
            self._jobs.append((Job.of(told, record.created), str(told.get("reason", ""))))
        elif (page := getattr(record, "page", None)) is not None:  # our own word: what the call is about
            self._page = str(page)
        elif event is None or event == "error":
            show_message(self._console, record, every=not self._jobs)
            if str(record.msg).startswith(NOTHING_TO_DO) and self._page is not None and Path(self._page).exists():
                say(self._console, self._page, "bold")

    def close(self) -> None:
        """Show the jobs, in the order of the pipeline; targets make nothing and are left out."""
        jobs = [(job, reason) for job, reason in self._jobs if job.stage in STAGES]
        self._jobs = []
        for stage in STAGES:
            reasons = Counter(why(reason) for job, reason in jobs if job.stage == stage)
            if not reasons:
                continue
            words = [f"{number:,} {word}" if len(reasons) > 1 else word for word, number in reasons.most_common()]
            say(self._console, f"{stage:<16} {reasons.total():>6,}  {', '.join(words)}")
            for job, reason in jobs if self._every_job else ():
                if job.stage == stage:
                    say(self._console, f"    {job.names or stage}: {why(reason)} {files(reason)}".rstrip())
        if jobs:
            say(self._console, f"{'jobs':<16} {len(jobs):>6,}  a dry run: nothing was made")
            if not self._every_job:
                say(self._console, EVERY_JOB)
