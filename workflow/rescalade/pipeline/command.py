"""The command line of a job, as the rules call it."""

from __future__ import annotations

import shlex
from pathlib import Path

from rescalade.pipeline.graph import stage

RUN = "{wildcards.recipe}/{wildcards.backbone}/{wildcards.variant}/{wildcards.seed}"


def command_line(rule: str) -> str:
    """Shell command with Snakemake's fields in braces; what it writes is shown and kept in the log.

    A stage that can use a GPU is given as many as the job got, and none of them to two jobs at a time.
    """
    row = stage(rule)
    fields = {name: RUN if name == "run" else f"{{wildcards.{name}}}" for name in row.names}
    device = "rescalade-device {resources.gpu} -- " if row.gpu else ""
    return f"{device}rescalade {row.command.format(**fields)} {{params.options}} 2>&1 | tee -i {{log}} >&2"


def command_options(snapshot: Path, experiment: str, threads: int, devices: int) -> str:
    """Options of every command, so that it works by the same configuration as this call."""
    words = ["--snapshot", str(snapshot), "--experiment", experiment, "--threads", str(threads)]
    return shlex.join([*words, *(["--devices", str(devices)] if devices > 1 else [])])
