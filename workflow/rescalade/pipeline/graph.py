"""The graph, written once: what every stage reads, makes, keeps and needs.

One row per stage, in rescalade.pipeline.rows. Snakemake's rules, the command line, the plan, the report and the tests
ask it; no file of a stage is spelt anywhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from rescalade.errors import unknown
from rescalade.paths import Paths
from rescalade.pipeline.rows import data, given, models, rankings, reporting, runs
from rescalade.pipeline.stage_row import Inputs, Made, Stage, UserFiles, filled

_ROWS = (*data.ROWS, *models.ROWS, *runs.ROWS, *rankings.ROWS, *given.ROWS, *reporting.ROWS)
STAGES: Mapping[str, Stage] = {row.name: row for row in _ROWS}
"""By the name of the rule, in the order of the pipeline."""


def stage(name: str) -> Stage:
    """A row.

    Raises:
        UserError: there is none of that name.
    """
    if name not in STAGES:
        raise unknown("stage", name, STAGES)
    return STAGES[name]


def output(paths: Paths, rule: str, wanted: str, **names: str) -> Path:
    """An output of a job, by its rule, its names and the output's name."""
    return filled(stage(rule).outputs[wanted], paths, names)


@cache
def made_file(paths: Paths, made: Made) -> Path:
    """An output of a job as a path; kept, since every job that reads it asks."""
    names = dict(zip(stage(made.stage).names, made.values, strict=True))
    return output(paths, made.stage, made.output, **names)


def input_files(paths: Paths, inputs: Inputs) -> dict[str, Path | list[Path]]:
    """Inputs as paths, by the same names; of those of the user the files that count."""

    def files(value: Made | UserFiles | list[Made]) -> Path | list[Path]:
        if isinstance(value, UserFiles):
            return list(value.files)
        return [made_file(paths, each) for each in value] if isinstance(value, list) else made_file(paths, value)

    return {name: files(value) for name, value in inputs.items()}
