"""Runs one stage: from the configuration and the names of a job to its outputs and record."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from rescalade.config import Config
from rescalade.errors import UserError
from rescalade.paths import Paths
from rescalade.pipeline.costs import cost_file, measured
from rescalade.pipeline.graph import input_files, made_file, stage
from rescalade.pipeline.job_code import job_code
from rescalade.pipeline.records import Recorder
from rescalade.pipeline.stage_row import Inputs, Made, Stage, UserFiles, as_json
from rescalade.stage import Call, Machine


def execute(config: Config, paths: Paths, rule: str, names: Mapping[str, str], machine: Machine) -> None:
    """Make the outputs of one job.

    What is recorded is the very object that the stage was given.

    Raises:
        UserError: a name is unknown, an input is missing or damaged, or whatever the stage says.
    """
    row = stage(rule)
    settings, outputs, wanted = row.settings(config, names), row.output_files(paths, names), row.inputs(config, names)
    check_inputs(row, wanted, paths)
    run = load_stage(row)
    inputs = {name: path for name, path in input_files(paths, wanted).items() if isinstance(path, Path)}
    code, text = job_code(config, rule, names), as_json(settings)
    own = {str(file): file for value in wanted.values() if isinstance(value, UserFiles) for file in value.files}
    recorder = Recorder(row.kind, text, code, inputs | own)
    call = Call(
        title=" ".join([row.kind, *(value for name, value in names.items() if name not in ("experiment", "recipe"))]),
        names=dict(names),
        machine=machine,
        caches=row.cache_folders(paths, names),
        code=code,
        key=hashlib.sha256(f"{row.name}\0{text}\0{code}".encode()).hexdigest(),
        record=recorder.write,
        paths=paths,
    )
    with measured(cost_file(paths, row, names)):
        run(settings, inputs, outputs, call)


def check_inputs(row: Stage, inputs: Inputs, paths: Paths) -> None:
    """Refuse to begin without what other stages make.

    Lists are looked at for reports alone, which show what there is: one file is enough. Files that no stage makes are
    left to the stage, which knows what they are.

    Raises:
        UserError: an input is missing, with the command that makes it; or there is nothing to report.
    """
    if row.partial:
        made = [each for value in inputs.values() for each in (value if isinstance(value, list) else [value])]
        if not any(made_file(paths, each).exists() for each in made if isinstance(each, Made)):
            raise UserError(
                f"{paths.results} holds nothing of what tables, figures and pages of the experiment show; run its "
                "stages first, by hand or by `snakemake --cores 2 report`"
            )
        return
    for each in inputs.values():
        if isinstance(each, Made) and not (path := made_file(paths, each)).exists():
            maker = stage(each.stage)
            command = maker.command.format(**dict(zip(maker.names, each.values, strict=True)))
            raise UserError(
                f"{path} is missing; run the stage that makes it first: rescalade {command}, with the same options"
            )


def load_stage(row: Stage) -> Callable[..., Any]:
    """The function of a stage; it and the libraries that its row names are imported."""
    for library in row.libraries:
        import_module(library)
    module, _, function = row.run.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), function)
    return found
