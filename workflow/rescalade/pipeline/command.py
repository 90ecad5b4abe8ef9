"""The command line of a job, as the rules call it."""

from __future__ import annotations

import shlex
from pathlib import Path

from rescalade.pipeline.graph import stage

RUN = "{wildcards.recipe}/{wildcards.backbone}/{wildcards.variant}/{wildcards.seed}"


def command_line(rule: str) -> str:
    """Shell command with Snakemake's fields in braces; what it writes is shown and kept in the log.

    A stage that can use a GPU is given as many as the job got, see `device_words`.
    """
    row = stage(rule)
    fields = {name: RUN if name == "run" else f"{{wildcards.{name}}}" for name in row.names}
    device = "{params.device}" if row.gpu else ""
    return f"{device}rescalade {row.command.format(**fields)} {{params.options}} 2>&1 | tee -i {{log}} >&2"


def device_words(gpus: int) -> str:
    """What stands before the command of a stage that can use GPUs: it gets its own, which no other job has meanwhile.

    A job without any needs nobody who hands them out, which is a process less: it is only kept from seeing one.
    """
    return f"rescalade-device {gpus} -- " if gpus else "CUDA_VISIBLE_DEVICES= "


def command_options(snapshot: Path, experiment: str, threads: int, devices: int) -> str:
    """Options of every command, so that it works by the same configuration as this call."""
    words = ["--snapshot", str(snapshot), "--experiment", experiment, "--threads", str(threads)]
    return shlex.join([*words, *(["--devices", str(devices)] if devices > 1 else [])])
