"""The jobs of an experiment: calls of stages, with the files they make and the jobs they wait for.

The same count as `snakemake -n`, without Snakemake: a test holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rescalade.config import Config
from rescalade.paths import Paths
from rescalade.pipeline.graph import STAGES
from rescalade.pipeline.rows.reporting import shown_files
from rescalade.pipeline.stage_row import Inputs, Made, Stage
from rescalade.runs import Run
from rescalade.strict import Strict

Key = tuple[str, ...]
"""A rule and the names that tell its jobs apart."""
ALL = "all"
"""The target that asks for the report and what it shows: a job for Snakemake, which counts it, and no stage."""
RULES = (*STAGES, ALL)
"""In the order of the pipeline."""


@dataclass(frozen=True)
class Job:
    """One call of a stage. key: rule and names."""

    config: Config
    paths: Paths
    key: Key

    @property
    def rule(self) -> str:
        """Name of the rule whose job this is."""
        return self.key[0]

    @property
    def row(self) -> Stage | None:
        """Row of the graph; None for the target."""
        return STAGES.get(self.rule)

    @cached_property
    def names(self) -> dict[str, str]:
        """The row's names with their values in this job."""
        return {} if self.row is None else dict(zip(self.row.names, self.key[1:], strict=True))

    @cached_property
    def outputs(self) -> dict[str, Path]:
        """Files and folders that the job makes, by name."""
        return {} if self.row is None else self.row.output_files(self.paths, self.names)

    @property
    def inputs(self) -> Inputs:
        """Inputs of the job, by name; of the target, what it asks for. Files of the user are those there are now."""
        return {"shown": shown_files(self.config)} if self.row is None else self.row.inputs(self.config, self.names)

    @cached_property
    def needs(self) -> tuple[Key, ...]:
        """Keys of the jobs whose outputs this one reads."""
        made = [made for value in self.inputs.values() for made in (value if isinstance(value, list) else [value])]
        return tuple(dict.fromkeys((each.stage, *each.values) for each in made if isinstance(each, Made)))

    @property
    def settings(self) -> Strict | None:
        """Settings that decide the outputs of the job."""
        return None if self.row is None else self.row.settings(self.config, self.names)

    @property
    def record(self) -> Path | None:
        """The file that keeps the record of the job."""
        return None if self.row is None else self.row.record_file(self.paths, self.names)

    @cached_property
    def run(self) -> Run | None:
        """The run that the job belongs to, None for others."""
        return Run.parse(self.names["run"]) if "run" in self.names else None


def make_jobs(config: Config, paths: Paths, *targets: Key) -> dict[Key, Job]:
    """Every job that targets need in an empty folder, by key; the report of the chosen experiment, if not said."""
    made: dict[Key, Job] = {}
    waiting: list[Key] = list(targets or ((ALL,),))
    while waiting:
        key = waiting.pop()
        if key not in made:
            made[key] = Job(config, paths, key)
            waiting += made[key].needs
    return dict(sorted(made.items(), key=lambda item: (RULES.index(item[0][0]), item[0])))
