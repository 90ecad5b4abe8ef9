"""Rescaled masked-LM heads for neural sparse retrieval: a pipeline, and the functions of `rescalade.library`."""

from __future__ import annotations

TYPE_CHECKING = False  # a name that type checkers know: every command begins here, and `typing` takes time
if TYPE_CHECKING:
    from typing import Any

    from rescalade.library import SparseIndex, audit, rescale, sparse_encoder

__version__ = "0.1.0"
__all__ = ["SparseIndex", "__version__", "audit", "rescale", "sparse_encoder"]


def __getattr__(name: str) -> Any:
    """What `rescalade.library` offers, imported when it is first used; `audit` is a package that can be called."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    if name == "audit":
        return importlib.import_module("rescalade.audit")
    return getattr(importlib.import_module("rescalade.library"), name)
