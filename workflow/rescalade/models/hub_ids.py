"""What an id of a model on the Hugging Face hub looks like."""

from __future__ import annotations

import re

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/\w[\w.-]*")


def is_hub_id(name: str) -> bool:
    """Whether a name has the form owner/name. A run's name has four parts, so that neither is taken for the other."""
    return _HUB_ID.fullmatch(name) is not None
