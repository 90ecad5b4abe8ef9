"""Remembers which commit a moving revision was, so that every later run starts from the same weights."""

from __future__ import annotations

from pathlib import Path

from rescalade.atomic import read_json, write_json
from rescalade.errors import UserError


class HubLock:
    """One small file per (id, revision) in a folder: jobs that fetch models side by side do not meet in it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, name: str, revision: str) -> Path:
        """Where the commit of a revision stands; delete the file to take a newer one."""
        return self._folder / f"{name.replace('/', '--')}@{revision.replace('/', '--')}.json"

    def read(self, name: str, revision: str) -> str | None:
        """The commit that came when this revision was asked for first; None before that.

        Raises:
            UserError: the file is damaged.
        """
        path = self.path(name, revision)
        if not path.is_file():
            return None
        found = read_json(path)
        if not isinstance(found, dict) or len(str(found.get("commit"))) != 40:
            raise UserError(f"{path} is damaged: expected a commit of 40 digits; delete it and run again")
        return str(found["commit"])

    def write(self, name: str, revision: str, commit: str) -> None:
        """Remember a commit; what is remembered already stays."""
        path = self.path(name, revision)
        if not path.is_file():
            write_json(path, {"id": name, "revision": revision, "commit": commit})
