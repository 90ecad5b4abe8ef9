"""The configuration as it stood when a graph was built: jobs read it, whatever has become of the files since."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from rescalade.atomic import atomic_file
from rescalade.config import Config, build_config
from rescalade.errors import UserError
from rescalade.paths import Paths

HEADER = "# The configuration of a call, as it stood when its graph was built. Its jobs read it; do not edit it.\n"


LOADER, DUMPER = getattr(yaml, "CSafeLoader", yaml.SafeLoader), getattr(yaml, "CSafeDumper", yaml.SafeDumper)
"""In C where PyYAML was built with libyaml."""
KEYS = {"files", "named_in_files", "configuration"}


def snapshot_text(config: Config) -> str:
    """Everything that is set, by catalogue or file, as YAML for people and jobs alike."""
    own = sorted(map(list, config.own))
    files = [str(path) for path in config.files]
    values = {"files": files, "named_in_files": own, "configuration": _plain(config.values)}
    return HEADER + yaml.dump(values, Dumper=DUMPER, sort_keys=False, allow_unicode=True, width=120)


def _plain(value: Any) -> Any:
    """A value as plain lists and mappings, none of which YAML would write as references."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value


def snapshot_path(config: Config, paths: Paths) -> Path:
    """Path of a snapshot, which is named by its digest."""
    digest = hashlib.sha256(snapshot_text(config).encode()).hexdigest()
    return paths.configurations / f"{digest[:16]}.yaml"


def write_snapshot(config: Config, paths: Paths) -> Path:
    """Write the snapshot, unless it is there."""
    path = snapshot_path(config, paths)
    if not path.is_file():
        with atomic_file(path) as temporary:
            temporary.write_text(snapshot_text(config), encoding="utf-8")
    return path


def read_snapshot(path: Path, experiment: str | None = None) -> Config:
    """The configuration of a snapshot; catalogue and files are not read again.

    Raises:
        UserError: it was deleted, or is damaged or of another version.
    """
    remedy = "call Snakemake again, which writes it when it starts"
    try:
        text = path.read_text(encoding="utf-8")
        values = yaml.load(text, Loader=LOADER)  # noqa: S506  a safe one
    except OSError as error:
        raise UserError(f"snapshot of the configuration {path}: {error.strerror}; {remedy}") from None
    except yaml.YAMLError:
        raise UserError(f"snapshot of the configuration {path} is damaged; delete it, and {remedy}") from None
    if not text.startswith(HEADER) or not isinstance(values, dict) or set(values) != KEYS:
        raise UserError(f"{path} is no snapshot of a configuration; give a configuration file by --config")
    if hashlib.sha256(text.encode()).hexdigest()[:16] != path.stem:
        raise UserError(f"snapshot of the configuration {path} was edited; delete it, and {remedy}")
    own = frozenset((str(subject), str(name)) for subject, name in values["named_in_files"])
    files = tuple(Path(str(file)) for file in values["files"])
    return replace(build_config(values["configuration"], experiment, own=own), files=files)


known_snapshot = cache(read_snapshot)
"""`read_snapshot`, once in a process and in those that are forked from it: the name is the digest of what is in it."""
