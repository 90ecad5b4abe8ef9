"""Reads the files that a plan rests on: a plan must come out of any folder, also of a half-made or an older one."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from rescalade.stored import OlderSchemaError, Stored

Kind = TypeVar("Kind", bound=Stored)


def known(kind: type[Kind], path: Path) -> Kind | None:
    """A file that a stage left; None where there is none, or one of an older schema, which will be made again.

    Raises:
        UserError: it is damaged.
    """
    try:
        return kind.read_or_none(path)
    except OlderSchemaError:
        return None
