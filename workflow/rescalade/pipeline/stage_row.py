"""What the graph says of one stage.

An input names the stage, its names and its output, never a path, so that the same words give Snakemake its files and
the plan its order. An output is a template: filled with names it is a file, filled with wildcards a rule's pattern.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rescalade.paths import Paths
from rescalade.record import RECORD

if TYPE_CHECKING:
    from rescalade.config import Config
    from rescalade.strict import Strict

Names = Mapping[str, str]
"""What tells the jobs of a stage apart. `run` is RECIPE/BACKBONE/VARIANT/seedN."""
Templates = Mapping[str, str]


@dataclass(frozen=True)
class Made:
    """An output of a job: its stage, the values of its names in their order, and the name of the output."""

    stage: str
    values: tuple[str, ...]
    output: str


@dataclass(frozen=True)
class UserFiles:
    """What a job takes from outside the pipeline: a file or folder that the user names, and the files of it that count.

    They count by their content: an edit in place makes the job run again, whatever time the file then has.
    """

    place: Path
    files: tuple[Path, ...]


Inputs = dict[str, Made | UserFiles | list[Made]]
"""A list is there for the order of jobs alone, or for a report, which finds its files by the configuration."""


@dataclass(frozen=True)
class Stage:
    """One row. What it calls is named, and imported when it is called: the graph itself is light.

    name: of the rule. command: what follows `rescalade` on the command line, with the names in braces. run: module and
    function, in which the digest of its code begins. libraries: modules that it will import, beside those that `run`
    imports itself; they are loaded before its work begins, once for many jobs where that serves. settings: what decides
    its outputs, and nothing else: inputs carry their own settings, so a change travels along the graph and no further.
    inputs: by name. outputs: templates by name; those among `folders` are folders. The record is the output of that
    name, else record.json in the first folder. caches: folders that are no outputs and may be deleted. reads_records:
    whether it reads, where they are there, the records of all that it rests on. partial: whether it shows what there is
    of its inputs, where others need all of theirs. user_files: whether a job may take files of the user's. gpu: whether
    it uses one. seconds: CPU time of a job of `mini`, roughly, as `rescalade costs` says; only its ratio to that of
    other stages counts. threads, memory_mb, minutes: what a job asks for where nothing better is known.
    """

    name: str
    command: str
    names: tuple[str, ...]
    run: str
    settings: Callable[[Config, Names], Strict]
    inputs: Callable[[Config, Names], Inputs]
    outputs: Templates
    folders: tuple[str, ...] = ()
    caches: Templates = field(default_factory=dict)
    libraries: tuple[str, ...] = ()
    reads_records: bool = False
    partial: bool = False
    user_files: bool = False
    gpu: bool = False
    seconds: float = 1
    threads: int = 1
    memory_mb: int = 8000
    minutes: int = 60

    @property
    def kind(self) -> str:
        """What its records call it: the command, which several rules can share."""
        return self.command.split()[0]

    def output_files(self, paths: Paths, names: Names) -> dict[str, Path]:
        """Its outputs by name; patterns where the names are."""
        return {name: filled(template, paths, names) for name, template in self.outputs.items()}

    def cache_folders(self, paths: Paths, names: Names) -> dict[str, Path]:
        """Its caches by name."""
        return {name: filled(template, paths, names) for name, template in self.caches.items()}

    def record_file(self, paths: Paths, names: Names) -> Path | None:
        """The file that keeps its record; None for pages and shards, which have none."""
        files = self.output_files(paths, names)
        return files.get("record") or next((files[folder] / RECORD for folder in self.folders), None)


def filled(template: str, paths: Paths, names: Names) -> Path:
    """The file of a template; a pattern where the names are."""
    return Path(template.format(results=paths.results, report=paths.report, **names))


def as_json(settings: Strict) -> str:
    """Settings as the rules compare and the records keep them: JSON with sorted keys."""
    return json.dumps(settings.model_dump(mode="json"), sort_keys=True)
