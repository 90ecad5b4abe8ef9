"""Digests of the files that a user's data and models are made of: what they hold decides what runs again."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from rescalade.atomic import atomic_file, sha256
from rescalade.paths import Paths
from rescalade.pipeline.stage_row import Inputs, UserFiles

SHOWN = 16
"""Digits of a digest in a parameter of a rule."""
UNSURE_SECONDS = 2.0
"""A file that was changed less than this before it is read may change again without another time: it is read anew."""


def user_files(paths: Paths, inputs: Inputs) -> str:
    """What the user's files of a job hold, `files: ` and JSON of digest by name; empty for a job that has none."""
    given = [value for value in inputs.values() if isinstance(value, UserFiles)]
    digests = FileDigests(paths)
    found = {_name(path, value.place): (digests.of(path) or "")[:SHOWN] for value in given for path in value.files}
    return f"files: {json.dumps(found, sort_keys=True)}" if found else ""


def as_recorded(paths: Paths, inputs: Inputs, recorded: Mapping[str, str]) -> bool:
    """Whether the user's files of a job are those that a record names, sha256 by path."""
    digests = FileDigests(paths)
    files = [path for value in inputs.values() if isinstance(value, UserFiles) for path in value.files]
    return all(recorded.get(str(path)) == digests.of(path) for path in files)


def recorded_inputs(record: Path | None) -> Mapping[str, str]:
    """Inputs as a record names them; none where there is no record, or no sound one."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        return {} if record is None else dict(json.loads(record.read_bytes())["inputs"])
    return {}


def _name(path: Path, place: Path) -> str:
    return str(path.relative_to(place)) if path != place else path.name


class FileDigests:
    """sha256 of files, kept by path with size, times and inode, so that a file that has not changed is not read.

    They are kept beside the results where there are any, and before in this process alone: a dry run leaves nothing
    behind.
    """

    _read_here: ClassVar[dict[str, list[int | str]]] = {}

    def __init__(self, paths: Paths) -> None:
        self._path, self._kept = paths.digests, paths.results.is_dir()

    def of(self, path: Path) -> str | None:
        """Digest of a file; None where there is none, or it cannot be read."""
        try:
            status = path.stat()
            stamp = [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
            key = str(path.absolute())
            for known in (self._read_here, self._read()):
                if key in known and known[key][:-1] == stamp:
                    return str(known[key][-1])
            begin = time.time()
            found = sha256(path)
        except OSError:
            return None
        if begin - max(status.st_mtime, status.st_ctime) > UNSURE_SECONDS:
            self._read_here[key] = [*stamp, found]
            self._write({**self._read(), key: [*stamp, found]})
        return found

    def _read(self) -> dict[str, list[int | str]]:
        with suppress(OSError, ValueError):  # it is not there yet, or damaged
            found = json.loads(self._path.read_bytes())
            if isinstance(found, dict):
                return found
        return {}

    def _write(self, known: dict[str, list[int | str]]) -> None:
        if not self._kept:
            return
        with suppress(OSError), atomic_file(self._path) as temporary:  # a folder that is not the user's
            temporary.write_text(json.dumps(known))
