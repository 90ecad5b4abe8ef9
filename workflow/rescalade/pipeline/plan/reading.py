"""Reads the small JSON files that a plan rests on; one that is missing or broken says nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def json_or_nothing(path: Path) -> dict[str, Any]:
    """A JSON object, empty where there is none: a plan must come out of any folder, also of a half-made one."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
