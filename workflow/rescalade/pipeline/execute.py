"""Runs one stage: from the configuration and the names of a job to its outputs and record."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from rescalade.config import Config
from rescalade.paths import Paths
from rescalade.pipeline.costs import cost_file, measured
from rescalade.pipeline.graph import input_files, stage
from rescalade.pipeline.job_code import job_code
from rescalade.pipeline.records import Recorder
from rescalade.pipeline.stage_row import Stage, as_json
from rescalade.stage import Call, Machine


def execute(config: Config, paths: Paths, rule: str, names: Mapping[str, str], machine: Machine) -> None:
    """Make the outputs of one job.

    What is recorded is the very object that the stage was given.

    Raises:
        UserError: a name is unknown, an input is missing or damaged, or whatever the stage says.
    """
    row = stage(rule)
    run = load_stage(row)
    settings, outputs = row.settings(config, names), row.output_files(paths, names)
    inputs = {
        name: path for name, path in input_files(paths, row.inputs(config, names)).items() if isinstance(path, Path)
    }
    code, text = job_code(config, rule, names), as_json(settings)
    recorder = Recorder(row.kind, text, code, inputs)
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


def load_stage(row: Stage) -> Callable[..., Any]:
    """The function of a stage; it and the libraries that its row names are imported."""
    for library in row.libraries:
        import_module(library)
    module, _, function = row.run.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), function)
    return found
