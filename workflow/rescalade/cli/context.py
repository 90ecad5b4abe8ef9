"""Options that every stage command has, and what they resolve to."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from rescalade.config import Config, load_config
from rescalade.errors import UserError
from rescalade.paths import Paths
from rescalade.pipeline.snapshot import known_snapshot
from rescalade.stage import Machine
from rescalade.threads import use_threads

ConfigOption = Annotated[list[Path], typer.Option("--config", help="Configuration file; repeat to overlay.")]
ExperimentOption = Annotated[str | None, typer.Option("--experiment", help="Experiment, instead of the file's.")]
ResultsOption = Annotated[Path, typer.Option("--results", help="Folder of intermediate results.")]
ReportOption = Annotated[Path, typer.Option("--report", help="Folder of reports.")]
ThreadsOption = Annotated[int, typer.Option("--threads", min=1, help="CPU threads of this process.")]
SnapshotOption = Annotated[
    Path | None, typer.Option("--snapshot", help="Configuration kept by a Snakemake call, instead of --config.")
]
DeviceOption = Annotated[str, typer.Option("--device", help="cpu, cuda or auto.")]


@dataclass(frozen=True)
class Context:
    """Configuration, folders and machine of one command.

    The configuration is read when it is first asked for: commands that work on a model folder need none.
    """

    files: tuple[Path, ...]
    experiment: str | None
    paths: Paths
    machine: Machine
    snapshot: Path | None = None

    @functools.cached_property
    def config(self) -> Config:
        """The checked configuration: the snapshot where one is given, else the files.

        Raises:
            UserError: a file is missing, or something in it is wrong.
        """
        if self.snapshot is not None:
            return known_snapshot(self.snapshot, self.experiment)
        return load_config(list(self.files), self.experiment)

    def recipe(self, given: str | None) -> str:
        """The recipe that a command names, else the experiment's.

        Raises:
            UserError: none is named, and the experiment trains nothing.
        """
        recipe = given or self.config.experiment.recipe
        if not recipe:
            raise UserError(
                f"experiment {self.config.name!r} trains nothing and has no recipe; name one that trains with "
                "--experiment"
            )
        return recipe

    def configured_backbone(self, name: str) -> bool:
        """Whether the configuration, if there is one, has a backbone of this name."""
        found = self.snapshot is not None or all(file.is_file() for file in self.files)
        return found and name in self.config.model.backbones

    def execute(self, rule: str, **names: str) -> None:
        """Run a stage of the pipeline.

        Raises:
            UserError: whatever the stage says.
        """
        from rescalade.pipeline.execute import execute

        execute(self.config, self.paths, rule, names, self.machine)


_COMMON = {
    "config": (ConfigOption, [Path("config.yaml")]),
    "experiment": (ExperimentOption, None),
    "results": (ResultsOption, Path("results")),
    "report": (ReportOption, Path("report")),
    "threads": (ThreadsOption, 1),
    "device": (DeviceOption, "auto"),
    "snapshot": (SnapshotOption, None),
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
        use_threads(taken["threads"])
        context = Context(
            files=tuple(taken["config"]),
            experiment=taken["experiment"],
            paths=Paths(taken["results"], taken["report"]),
            machine=Machine(taken["threads"], taken["device"]),
            snapshot=taken["snapshot"],
        )
        function(context, **values)

    command.__signature__ = inspect.Signature([p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own] + common)  # type: ignore[attr-defined]
    return command
