"""What other programs use: models that train fast, an exact index, heads audited, divided, saved.

`sparse_encoder(name)` gives a SparseEncoder with the fused head, `SparseIndex` searches sparse vectors,
`rescale(model, k, mode=..., bias=...)` divides the head of a loaded model, `make_rescaled(name, variant, folder)`
writes a model folder, `audit_model(name)` says what to expect of it. They are imported when they are first used, since
torch and transformers take seconds; the index does without both.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rescalade.audit.sample_audit import audit_model
    from rescalade.library.sparse_index import SparseIndex
    from rescalade.rescaling.divide import rescale
    from rescalade.rescaling.make import make_rescaled

__all__ = ["SparseIndex", "audit_model", "make_rescaled", "rescale"]

_HOMES = {
    "SparseIndex": "rescalade.library.sparse_index",
    "audit_model": "rescalade.audit.sample_audit",
    "make_rescaled": "rescalade.rescaling.make",
    "rescale": "rescalade.rescaling.divide",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
