"""Stages that are run by hand out of order say what is missing, and by which command it is made."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

from rescalade.cli.main import built
from rescalade.config.load import build_config
from rescalade.errors import UserError
from rescalade.paths import Paths
from rescalade.pipeline.execute import check_inputs
from rescalade.pipeline.graph import STAGES, made_file
from rescalade.pipeline.jobs import Job, make_jobs
from rescalade.pipeline.stage_row import Made
from support.graph import SMALL

FREE = {"source", "encode_shard"}
"""Stages that read no other's output, or are jobs of large data sets alone."""


@pytest.fixture
def jobs(tmp_path: Path) -> dict[str, Job]:
    """One job of each stage of a small experiment, for an empty folder; a scale by rule among them."""
    values = yaml.safe_load(SMALL)
    values["experiments"]["small"]["grid"][0]["scales"] = [1, "auto"]
    made = make_jobs(build_config(values), Paths(tmp_path / "results", tmp_path / "report"))
    return {job.rule: job for job in made.values() if job.row is not None}


def test_every_stage_names_what_is_missing_and_a_command_that_makes_it(jobs: dict[str, Job]) -> None:
    assert {"collection", "backbone", "train", "score", "tables"} <= set(jobs) <= set(STAGES)
    for rule, job in jobs.items():
        if rule in FREE:
            continue
        assert job.row is not None
        with pytest.raises(UserError) as error:
            check_inputs(job.row, job.inputs, job.paths)
        if job.row.partial:
            assert "stages first" in str(error.value)
            continue
        found = re.fullmatch(
            r"(.+) is missing; run the stage that makes it first: rescalade (.+), with .+", str(error.value)
        )
        assert found is not None, error.value
        name, *arguments = shlex.split(found[2])
        built().commands[name].make_context(name, arguments)  # the command line takes it
        (made,) = [
            each
            for each in job.inputs.values()
            if isinstance(each, Made) and str(made_file(job.paths, each)) == found[1]
        ]
        assert STAGES[made.stage].kind == name


def test_whole_inputs_are_no_mistake_and_of_a_report_one_is_enough(jobs: dict[str, Job]) -> None:
    for rule in ("score", "tables", "index_page"):
        job = jobs[rule]
        assert job.row is not None
        made = [each for value in job.inputs.values() for each in (value if isinstance(value, list) else [value])]
        for each in made if rule == "score" else made[-1:]:
            assert isinstance(each, Made)
            made_file(job.paths, each).parent.mkdir(parents=True, exist_ok=True)
            made_file(job.paths, each).touch()
        check_inputs(job.row, job.inputs, job.paths)
