"""The command line of a job, as the rules call it, and that of a whole call, as pages show it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from rescalade.pipeline.graph import stage

if TYPE_CHECKING:
    from rescalade.config import Config

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


def call_again(config: Config) -> str:
    """The Snakemake call that makes an experiment's report by the files that its configuration was read from.

    Of an experiment that stands in no file, the command that it comes from.

    From the folder where it was made: Snakemake takes the config.yaml beside its Snakefile by itself, and others are
    named; without such a file among them they take its place.
    """
    if config.command:
        return config.command
    words, files = ["snakemake", "--cores", "2"], [_short(file) for file in config.files]
    if files and files[0].name == "config.yaml" and (snakefile := files[0].with_name("Snakefile")).is_file():
        words += [] if snakefile == Path("Snakefile") else ["-s", str(snakefile)]
        files = files[1:]
    elif files:
        words.append("--replace-workflow-config")
    words += ["--configfile", *map(str, files)] if files else []
    return shlex.join([*words, "--config", f"experiment={config.name}", "--", "report"])


def _short(file: Path) -> Path:
    """Relative where it lies in the working directory."""
    path = file.expanduser().absolute()
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def command_options(snapshot: Path, experiment: str, threads: int, devices: int) -> str:
    """Options of every command, so that it works by the same configuration as this call."""
    words = ["--snapshot", str(snapshot), "--experiment", experiment, "--threads", str(threads)]
    return shlex.join([*words, *(["--devices", str(devices)] if devices > 1 else [])])
