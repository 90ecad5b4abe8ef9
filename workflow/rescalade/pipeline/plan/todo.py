"""Which jobs are still to do: what is there, whole and of these settings and this code is not made again."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path

from rescalade.pipeline.graph import made_file
from rescalade.pipeline.job_code import job_code
from rescalade.pipeline.jobs import ALL, Job, Key
from rescalade.pipeline.rows.reporting import shown_files
from rescalade.pipeline.stage_row import as_json
from rescalade.pipeline.user_files import as_recorded


def jobs_to_do(jobs: Mapping[Key, Job], targets: Collection[Key] | None = None) -> set[Key]:
    """Keys of the jobs that a call for some of them would run, or for the report where they are not said.

    As in Snakemake a missing file is made when something asks for it: models and vectors may be deleted once their
    scores stand. What is made anew makes all that stands on it run again.
    """

    @cache
    def stale(key: Key) -> bool:
        """Made with other settings or code, or from something that was."""
        job = jobs[key]
        return (_present(job) and not _current(job)) or any(stale(need) for need in job.needs)

    found: set[Key] = set()

    def ask(key: Key, wanted: Path | None = None) -> None:
        """Of a job that is there; the target asks for some of its files only."""
        there = _present(jobs[key]) if wanted is None else wanted.exists()
        if key in found or (there and not stale(key)):
            return
        found.add(key)
        for need in jobs[key].needs:
            ask(need)

    for key in targets or ():
        ask(key)
    if targets is None:
        target = jobs[(ALL,)]
        for made in shown_files(target.config):
            ask((made.stage, *made.values), made_file(target.paths, made))
    # what reads something that is made anew, along the way to the report
    asked = [key for key, job in jobs.items() if job.rule != "encode_shard"]
    while again := [key for key in asked if key not in found and found.intersection(jobs[key].needs)]:
        for key in again:
            found.add(key)
            for need in jobs[key].needs:
                ask(need)
    return found


def _present(job: Job) -> bool:
    """Whether every output is there; a job without outputs is never there by itself, nor missing."""
    return all(path.exists() for path in job.outputs.values())


def _current(job: Job) -> bool:
    """Whether the record beside the outputs has the settings and the code of now."""
    if job.record is None or job.settings is None:
        return True
    try:
        record = json.loads(job.record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    if "settings" not in record:
        return True
    code = job_code(job.config, job.rule, job.names)
    same = record["settings"] == json.loads(as_json(job.settings)) and record.get("code") == code
    if not same or job.row is None or not job.row.user_files:
        return bool(same)
    return as_recorded(job.paths, job.inputs, record.get("inputs", {}))
