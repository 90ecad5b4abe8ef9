"""Which run a command names: RECIPE/BACKBONE/VARIANT/seedN, or the path of its folder as a shell completes it."""

from __future__ import annotations

from pathlib import Path

from rescalade.errors import UserError
from rescalade.paths import Paths
from rescalade.pipeline.graph import output
from rescalade.runs import Run

PARTS = 4
"""Of a run's name."""


def run_named(paths: Paths, text: str) -> Run:
    """The run of a name, of the path of its folder, or of the folder of its model.

    Raises:
        UserError: it is none of these, or the folder lies under another results folder than `paths` has.
    """
    try:
        return Run.parse(text)
    except UserError as error:
        unknown = UserError(f"{error}, or the path of its folder")
    try:
        folder = Path(text).expanduser()
        folder = (folder.parent if folder.name == "model" else folder).resolve()
        run = Run.parse("/".join(folder.parts[-PARTS:]))
    except UserError:
        if not is_folder(text):
            raise unknown from None
        raise UserError(
            f"{text} is no folder of a run; expected {paths.results}/runs/RECIPE/BACKBONE/VARIANT/seedN"
        ) from None
    except (OSError, RuntimeError):  # too long for a path; ~nobody
        raise unknown from None
    own = output(paths, "encode", "vectors", run=run.folder, dataset="any").parents[1]
    if own.resolve() != folder:
        if not is_folder(text):
            raise unknown
        raise UserError(f"{text} is no run under {paths.results}; name its own folder: --results {_results(folder)}")
    return run


def is_folder(text: str) -> bool:
    """Whether there is a folder of that name; words of any length are none."""
    try:
        return Path(text).expanduser().is_dir()
    except (OSError, RuntimeError):  # too long for a name; ~nobody
        return False


def is_file(text: str) -> bool:
    """Whether there is a file of that name; words of any length are none."""
    try:
        return Path(text).is_file()
    except OSError:
        return False


def _results(folder: Path) -> Path:
    """The results folder in which the folder of a run would lie, as short as it can be written."""
    found = folder.parents[PARTS]
    return found.relative_to(Path.cwd()) if found.is_relative_to(Path.cwd()) else found
