"""The calm display of a call that runs jobs."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from logging import LogRecord
from pathlib import Path
from textwrap import wrap
from typing import Any

from rich.console import Console
from rich.live import Live

from rescalade.pipeline.graph import STAGES
from rescalade.pipeline.rows.reporting import INDEX_PAGE
from rescalade.progress import read_headline
from rescalade.report.results.numbers import duration
from rescalade.terminal.amounts import counted
from rescalade.terminal.course import Course
from rescalade.terminal.display import NOTHING_TO_DO, event_of, say, show_message
from rescalade.terminal.job import Job
from rescalade.terminal.job_log import error_line
from rescalade.terminal.view import job_state, summary, view
from rescalade.terminal.warned import Warned

EVERY_SECONDS = 0.5
"""How often the running jobs' logs are looked at."""
SILENCE_SECONDS = 600.0
"""Away from a terminal: how long nothing may be said while jobs run."""
INTERRUPTED = ("interrupted", "KeyboardInterrupt")
"""How the last word of a job begins that Ctrl-C ended."""
FAILED_COMMAND = re.compile(r"RuleException:\s+CalledProcessError in file ")
"""How Snakemake begins to say that a job's command failed, which it says once more as the failure of the job."""
FAILED_CALL = ("Exiting because a job execution failed", "WorkflowError:\nAt least one job did not complete")
"""How Snakemake ends a call with failed jobs, which are counted here."""


class Calm:
    """Lines that stay for stages, warnings and failures; on a terminal a live part below them."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.time) -> None:
        self._console = console
        self._clock = clock
        self._course = Course()
        self._warned = Warned()
        self._title = "jobs"
        self._page: str | None = None
        self._log_file: str | None = None
        self._reported: Job | None = None
        self._interrupted: list[str] = []
        self._began: float | None = None
        self._said = clock()
        self._closed = threading.Event()
        self._lock = threading.RLock()
        self._ticker: threading.Thread | None = None
        self._live: Live | None = None

    def show(self, record: LogRecord) -> None:
        """Take in one record of Snakemake."""
        with self._lock:
            told: dict[str, Any] = vars(record)
            match event_of(record):
                case None:
                    self._message(record)
                case "run_info":
                    self._plan(told)
                case "job_info":
                    self._course.begin(Job.of(told, record.created))
                    self._start()
                case "job_finished":
                    self._finish(told["job_id"], record.created)
                case "job_error":
                    self._fail(Job.of(told, record.created))
                case "group_error":
                    for each in told.get("job_error_info") or ():
                        self._fail(Job.of(each, record.created))
                case "progress":
                    self._course.finished, self._course.total = told["done"], told["total"]
                case "error":
                    self._error(record)
                case _:
                    pass  # shell commands, resources, the graph: in Snakemake's log file

    def close(self) -> None:
        """Give the terminal back and say how the call ended."""
        self._closed.set()
        if self._ticker is not None and self._ticker is not threading.current_thread():
            self._ticker.join()
        with self._lock:
            self._stop_live()
            began, self._began = self._began, None
            if began is not None:
                self._end(duration(self._clock() - began))

    def tick(self) -> None:
        """Look at the logs of the running jobs, and show what has changed."""
        with self._lock:
            for job in list(self._course.running.values()):
                self._read(job, whole=False)
            now = self._clock()
            if self._live is not None:
                state = view(self._course, self._title, now, self._warned.count, self._console.width)
                self._live.update(state, refresh=True)
            elif now - self._said >= SILENCE_SECONDS and self._course.running:
                jobs = [f"{job.title} {job_state(job, now)}" for job in self._course.running.values()]
                self._say(f"{self._course.finished} of {self._course.total} jobs, {summary(self._course, now, 0)}")
                self._say("  " + "; ".join(jobs))

    def _message(self, record: LogRecord) -> None:
        if (page := getattr(record, "page", None)) is not None:  # our own word: what the call is about
            self._title, self._page = str(getattr(record, "experiment", self._title)), str(page)
        elif (text := str(record.msg)).startswith("Complete log(s): "):
            self._log_file = text.removeprefix("Complete log(s): ")
        elif text.startswith(NOTHING_TO_DO):
            self._say(text)
            if self._page is not None and Path(self._page).exists():
                self._say(self._page, "bold")
        elif not (self._course.failed and text.startswith(FAILED_CALL)):
            show_message(self._console, record, every=self._began is None)

    def _plan(self, told: dict[str, Any]) -> None:
        if self._began is None and told.get("stats"):
            self._began = self._clock()
            self._course.plan(told["stats"], tuple(STAGES))
            jobs, stages = counted(self._course.total, "job"), counted(len(self._course.planned), "stage")
            self._say(f"{self._title}: {jobs} in {stages}")

    def _start(self) -> None:
        if self._ticker is not None or self._closed.is_set():
            return
        if self._console.is_terminal and not self._console.is_dumb_terminal:
            self._live = Live(console=self._console, auto_refresh=False, transient=True, redirect_stdout=False)
            self._live.start()
        self._ticker = threading.Thread(target=self._tick_on, name="display", daemon=True)
        self._ticker.start()

    def _tick_on(self) -> None:
        while not self._closed.wait(EVERY_SECONDS):
            self.tick()

    def _stop_live(self) -> None:
        if self._live is not None:
            self._live.update("")
            self._live.stop()
            self._live = None

    def _finish(self, number: int, now: float) -> None:
        job = self._course.finish(number, now)
        if job is None:
            return
        self._read(job, whole=True)
        if job.stage == INDEX_PAGE:
            self._reported = job
        if job.stage in self._course.planned and self._course.is_done(job.stage):
            jobs = counted(self._course.planned[job.stage], "job")
            self._say(f"  {job.stage:<16} {jobs:<10} {duration(now - self._course.began[job.stage])}")

    def _fail(self, job: Job) -> None:
        known = self._course.running.get(job.number, job)
        self._read(known, whole=True)
        self._course.fail(known)
        path = None if known.log is None else known.log.path
        reason = None if path is None else error_line(path)
        if reason is not None and reason.startswith(INTERRUPTED):
            self._interrupted.append(known.title)
            return
        self._say(f"failed: {known.title}", "bold red")
        self._say(f"    {reason or 'it says nothing of why'}", "red")
        if path is not None:
            self._say(f"    {path}")

    def _error(self, record: LogRecord) -> None:
        text = str(record.msg)
        if FAILED_COMMAND.match(text) or (self._course.failed and text.startswith(FAILED_CALL)):
            return
        self._say(text, "red")

    def _read(self, job: Job, whole: bool) -> None:
        if job.log is not None:
            job.log.read(self._clock(), whole=whole)
            for line in self._warned.new(job, job.log.take_warnings()):
                self._say(line, "yellow")

    def _end(self, took: str) -> None:
        for line in self._warned.again():
            self._say(line, "yellow")
        course = self._course
        failed = len(course.failed) - len(self._interrupted)
        if self._interrupted:
            self._say(f"interrupted: {', '.join(self._interrupted)}")
        if course.finished >= course.total:
            self._say(f"{counted(course.finished, 'job')} done in {took}")
        else:
            trouble = f"{counted(failed, 'job')} failed, " if failed else ""
            self._say(
                f"{trouble}{course.finished} of {counted(course.total, 'job')} done in {took}; what is done is kept, "
                "the same command goes on from there",
                "bold red" if failed else None,
            )
        if self._reported is not None and self._reported.log is not None:
            self._show_headlines(self._reported.log.path)
            self._say(next((each for each in self._reported.outputs if each.endswith(".html")), ""), "bold")
        if self._log_file is not None:
            self._say(f"Snakemake's own log: {_short(self._log_file)}")

    def _show_headlines(self, log: Path) -> None:
        """Headlines of a log; on a terminal broken between words, in a file a line each."""
        try:
            lines = log.read_text("utf-8", "replace").splitlines()
        except OSError:
            return
        for line in lines:
            if (headline := read_headline(line)) is not None:
                broken = wrap(headline, self._console.width - 2) if self._console.is_terminal else [headline]
                for part in broken:
                    self._say(f"  {part}")

    def _say(self, text: str, style: str | None = None) -> None:
        self._said = self._clock()
        say(self._console, text, style)


def _short(path: str) -> str:
    """A path from the working directory, where it lies in it."""
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except ValueError:
        return path
