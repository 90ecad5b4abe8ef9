"""Remembers which commit a moving revision was, so that every later run starts from the same weights."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import field_validator

from rescalade.stored import Stored


class HubCommit(Stored):
    """The commit that a revision of a model on the hub was when it was first asked for."""

    again: ClassVar[str] = "correct it to keep that commit, or delete it to take the newest one"

    id: str
    revision: str
    commit: str

    @field_validator("commit")
    @classmethod
    def _whole(cls, commit: str) -> str:
        if len(commit) != 40:
            raise ValueError("a commit of 40 digits")
        return commit


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
            UserError: the file is damaged, or an older version wrote it.
        """
        found = HubCommit.read_or_none(self.path(name, revision))
        return None if found is None else found.commit

    def write(self, name: str, revision: str, commit: str) -> None:
        """Remember a commit; what is remembered already stays."""
        path = self.path(name, revision)
        if not path.is_file():
            HubCommit(id=name, revision=revision, commit=commit).write(path)
