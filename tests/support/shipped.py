"""What is shipped: the catalogue with config.yaml over it, as one mapping that a test may change and write out."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from rescalade.config import load_config

REPOSITORY = Path(__file__).resolve().parents[2]


def shipped() -> dict[str, Any]:
    """A copy of its own for each caller."""
    return copy.deepcopy(dict(load_config([REPOSITORY / "config.yaml"]).values))
