"""Rescaled masked-LM heads for neural sparse retrieval: a pipeline, and the functions of `rescalade.library`."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rescalade.library import SparseIndex, rescale

__version__ = "0.1.0"
__all__ = ["SparseIndex", "__version__", "rescale"]


def __getattr__(name: str) -> Any:
    """What `rescalade.library` offers, imported when it is first used."""
    if not name.startswith("__"):
        library = importlib.import_module("rescalade.library")
        if name in library.__all__:
            return getattr(library, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
