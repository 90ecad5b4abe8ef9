"""What Snakemake checks before it builds the graph, so that a mistake costs a second and not an hour."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rescalade.config import Config, load_config
from rescalade.errors import UserError, shown_path
from rescalade.paths import Paths
from rescalade.pipeline.snapshot import read_snapshot

MINIMUM_FREE_BYTES = 200 * 2**20
"""Below this much room a run of the smallest experiment would not end."""
LARGE_DOCUMENTS = 1_000_000
"""From so many documents on the disk is looked at before the start."""


def configure(files: Sequence[Path], overrides: Mapping[str, Any]) -> Config:
    """The checked configuration of a Snakemake call.

    Args:
        files: configuration files, the later over the earlier.
        overrides: what `--config` gave; only `experiment` is a key there. Jobs on a cluster are given `snapshot` too:
            the configuration as it stood when the graph was built.

    Raises:
        UserError: another key is overridden, or the configuration is wrong.
    """
    other = sorted(set(overrides) - {"experiment", "snapshot"})
    if other:
        raise UserError(
            f"--config {other[0]}=...: only experiment=NAME can be set there; write other keys into a file of their "
            "own and add it by --configfile"
        )
    experiment = overrides.get("experiment")
    chosen = None if experiment is None else str(experiment)
    if "snapshot" in overrides:
        return read_snapshot(Path(str(overrides["snapshot"])), chosen)
    config = load_config(files, chosen)
    check_local_folders(config)
    return config


def check_checkout(folder: Path) -> None:
    """Refuse a folder of the Snakefile in whose path Snakemake would see wildcards.

    Raises:
        UserError: a brace is in it. The working directory and the configuration may have them.
    """
    if "{" in str(folder) or "}" in str(folder):
        raise UserError(
            f"{folder}: Snakemake takes braces in the path of its Snakefile for wildcards; move this folder, or call "
            "it by a path without them"
        )


def check_names(names: Iterable[str], reserved: Iterable[str]) -> None:
    """Refuse backbones whose name is taken: each is a target of its own.

    Raises:
        UserError: a backbone is called like a stage or target.
    """
    taken = set(reserved)
    for name in names:
        if name in taken:
            raise UserError(
                f"backbone {name!r} is called like a stage or target of the pipeline; give it another name "
                f"(taken: {', '.join(sorted(taken))})"
            )


def check_writable(folder: Path) -> None:
    """Refuse to start where results cannot be written; leaves nothing behind.

    Raises:
        UserError: the folder cannot be made, is not writable, or has no room left.
    """
    place = folder
    while not place.exists() and not place.is_symlink():
        place = place.absolute().parent
    try:
        if not place.is_dir():
            raise NotADirectoryError(20, "Not a directory")
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(bytes(65536))
            file.flush()
        free = shutil.disk_usage(place).free
    except OSError as error:
        raise UserError(
            f"folder {folder} cannot be written: {place}: {error.strerror}; run in another by --directory"
        ) from None
    if free < MINIMUM_FREE_BYTES:
        raise UserError(
            f"folder {folder}: {free // 2**20} MB are free, at least {MINIMUM_FREE_BYTES // 2**20} MB needed; "
            "free some, or run in another by --directory"
        )


def disk_warning(config: Config, paths: Paths) -> str | None:
    """One line where an experiment over millions of documents is going to outgrow the disk; an estimate, so no error.

    Smaller experiments are not looked at: counting their jobs would take longer than it is worth.
    """
    from rescalade.pipeline.plan.assumptions import Assumptions
    from rescalade.pipeline.plan.plan import make_plan
    from rescalade.pipeline.plan.show import too_little

    own = [entry for entry in map(config.dataset, config.evaluation_sets()) if entry.corpus is None]
    if sum(entry.documents or 0 for entry in own) < LARGE_DOCUMENTS:
        return None
    plan = make_plan(config, paths, Assumptions())
    return None if plan.fits else f"warning: {too_little(plan)}"


def check_local_folders(config: Config) -> None:
    """Refuse a configuration that names folders or files which are not there.

    Raises:
        UserError: the first of them, with its key.
    """
    try:
        _check_local(config)
    except RuntimeError as error:  # of pathlib: ~ before a name that is no user's
        raise UserError(
            f"a path of the configuration begins with ~ and no user's name ({error}); write it whole"
        ) from None


def _check_local(config: Config) -> None:
    for name in (*config.backbones(), *config.experiment.models):
        path = config.backbone(name).path
        if path is not None and not Path(path).expanduser().is_dir():
            raise UserError(f"backbones.{name}.path: there is no folder {shown_path(Path(path).expanduser())}")
    for name in config.shown_sets():
        config.dataset(name).check_files(name)
    for name, given in config.experiment.runs.items():
        named = {f"files.{dataset}": file for dataset, file in given.files.items()}
        for dataset, both in given.vectors.items():
            named |= {f"vectors.{dataset}.{key}": getattr(both, key) for key in ("documents", "queries")}
        for key, text in named.items():
            if not (place := Path(text).expanduser()).exists():
                raise UserError(f"experiments.{config.name}.runs.{name}.{key}: there is no file {shown_path(place)}")
