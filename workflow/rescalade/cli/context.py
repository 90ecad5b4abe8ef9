"""Options that every stage command has, and what they resolve to."""

from __future__ import annotations

import functools
import hashlib
import inspect
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from rescalade.config import Config, load_config
from rescalade.errors import UserError
from rescalade.paths import Paths
from rescalade.pipeline.records import Recorder
from rescalade.pipeline.stages import code_digest, stage_settings
from rescalade.stage import Call, Files, Machine

ConfigOption = Annotated[list[Path], typer.Option("--config", help="Configuration file; repeat to overlay.")]
ExperimentOption = Annotated[str | None, typer.Option("--experiment", help="Experiment, instead of the file's.")]
ResultsOption = Annotated[Path, typer.Option("--results", help="Folder of intermediate results.")]
ReportOption = Annotated[Path, typer.Option("--report", help="Folder of reports.")]
ThreadsOption = Annotated[int, typer.Option("--threads", min=1, help="CPU threads of this process.")]
DeviceOption = Annotated[str, typer.Option("--device", help="cpu, cuda or auto.")]


@dataclass(frozen=True)
class Context:
    """Configuration, folders and resources of one command.

    The configuration is read when it is first asked for: commands that work on a model folder need none.
    """

    files: tuple[Path, ...]
    experiment: str | None
    paths: Paths
    threads: int
    device_name: str

    @functools.cached_property
    def config(self) -> Config:
        """The checked configuration.

        Raises:
            UserError: a file is missing, or something in it is wrong.
        """
        return load_config(list(self.files), self.experiment)

    def configured_backbone(self, name: str) -> bool:
        """Whether the configuration, if there is one, has a backbone of this name."""
        return all(file.is_file() for file in self.files) and name in self.config.model.backbones

    def settings(self, stage: str, **wildcards: str) -> str:
        """Effective settings of a stage as JSON."""
        return stage_settings(self.config, stage, **wildcards)

    def checkpoints(self, stage: str, settings: str, *inputs: str) -> Path:
        """Folder of unfinished work: its key covers settings, code and inputs, so a change starts anew."""
        text = "\0".join([stage, settings, code_digest(stage), *inputs])
        return self.paths.checkpoints(f"{stage}-{hashlib.sha256(text.encode()).hexdigest()[:20]}")

    def call(self, recorder: Recorder, names: dict[str, str], caches: Files, memory_mb: int = 256) -> Call:
        """How a stage runs that this command names."""
        return Call(
            title=" ".join([recorder.stage, *names.values()]),
            names=names,
            machine=Machine(self.threads, self.device_name, memory_mb),
            caches=caches,
            code=code_digest(recorder.stage),
            record=recorder.write,
        )

    def device(self) -> str:
        """The torch device; threads are set on the way.

        Raises:
            UserError: CUDA is asked for and there is none.
        """
        import torch

        torch.set_num_threads(self.threads)
        name = self.device_name
        if name == "auto":
            return "cuda" if torch.cuda.is_available() else "cpu"
        if name == "cuda" and not torch.cuda.is_available():
            raise UserError("device cuda: this machine or this build of torch has no CUDA device; use --device cpu")
        if name not in ("cpu", "cuda"):
            raise UserError(f"device {name!r}: expected cpu, cuda or auto")
        return name


_COMMON = {
    "config": (ConfigOption, [Path("config.yaml")]),
    "experiment": (ExperimentOption, None),
    "results": (ResultsOption, Path("results")),
    "report": (ReportOption, Path("report")),
    "threads": (ThreadsOption, 1),
    "device": (DeviceOption, "auto"),
}


def stage_command(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the common options; the function receives them as a Context in first place."""
    signature = inspect.signature(function, eval_str=True)
    own = list(signature.parameters.values())[1:]
    common = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (annotation, default) in _COMMON.items()
    ]

    @functools.wraps(function)
    def command(**values: Any) -> None:
        taken = {name: values.pop(name) for name in _COMMON}
        # numeric libraries read these once, when they are loaded
        for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
            os.environ[variable] = str(taken["threads"])
        context = Context(
            files=tuple(taken["config"]),
            experiment=taken["experiment"],
            paths=Paths(taken["results"], taken["report"]),
            threads=taken["threads"],
            device_name=taken["device"],
        )
        function(context, **values)

    command.__signature__ = inspect.Signature([p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own] + common)  # type: ignore[attr-defined]
    return command
