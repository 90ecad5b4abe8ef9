"""Rescaled masked-LM heads for neural sparse retrieval: a pipeline, and the functions of `rescalade.library`."""

from __future__ import annotations

TYPE_CHECKING = False  # a name that type checkers know: every command begins here, and `typing` takes time
if TYPE_CHECKING:
    from typing import Any

    from rescalade.library import SparseIndex, rescale

__version__ = "0.1.0"
__all__ = ["SparseIndex", "__version__", "rescale"]


def __getattr__(name: str) -> Any:
    """What `rescalade.library` offers, imported when it is first used."""
    if not name.startswith("__"):
        import importlib

        library = importlib.import_module("rescalade.library")
        if name in library.__all__:
            return getattr(library, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
