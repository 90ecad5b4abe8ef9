"""Records as Snakemake 9.27 hands them to a logger, made by hand."""

from __future__ import annotations

import logging
from typing import Any

from snakemake_interface_logger_plugins.common import LogEvent


def record(at: float, message: str | None = None, level: int = logging.INFO, **told: Any) -> logging.LogRecord:
    """A record of that second; `event` names what it tells of."""
    made = logging.LogRecord("snakemake.logging", level, __file__, 0, message, None, None)
    made.created = at
    if "event" in told:
        told["event"] = LogEvent[told["event"]]
    for key, value in told.items():
        setattr(made, key, value)
    return made


def planned(at: float, **jobs: int) -> logging.LogRecord:
    """The jobs that a call is to run, by rule."""
    return record(at, "Job stats:", event="RUN_INFO", stats={**jobs, "total": sum(jobs.values())})


def starts(at: float, number: int, rule: str, log: str = "", reason: str = "", **wildcards: str) -> logging.LogRecord:
    """A job that starts, or would in a dry run."""
    return record(
        at,
        event="JOB_INFO",
        jobid=number,
        rule_name=rule,
        log=[log] if log else [],
        output=[f"report/small/{rule}.html"],
        wildcards=wildcards,
        reason=reason,
    )


def ends(at: float, number: int) -> logging.LogRecord:
    """A job that has made its files."""
    return record(at, event="JOB_FINISHED", job_id=number)


def fails(at: float, number: int, rule: str, log: str) -> logging.LogRecord:
    """A job that has failed."""
    return record(at, level=logging.ERROR, event="JOB_ERROR", jobid=number, rule_name=rule, log=[log], output=[])


def progress(at: float, done: int, total: int) -> logging.LogRecord:
    """How many jobs are done."""
    return record(at, event="PROGRESS", done=done, total=total)
