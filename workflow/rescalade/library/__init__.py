"""What other programs use: models that train fast, an exact index, heads audited, divided, saved.

`sparse_encoder(name)` gives a SparseEncoder with the fused head, `SparseIndex` searches sparse vectors, `audit(model)`
says what to expect of a head, `rescale(model, k)` divides that of a loaded model, `make_rescaled(name, variant,
folder)` writes a model folder. They are imported when they are first used, since torch and transformers take seconds;
the index does without both.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rescalade.audit.loaded import audit
    from rescalade.audit.sample_audit import audit_model
    from rescalade.library.encoder import sparse_encoder
    from rescalade.library.heads import rescale
    from rescalade.library.sparse_index import SparseIndex
    from rescalade.rescaling.make import make_rescaled

__all__ = ["SparseIndex", "audit", "audit_model", "make_rescaled", "rescale", "sparse_encoder"]

_HOMES = {
    "SparseIndex": "rescalade.library.sparse_index",
    "audit": "rescalade.audit.loaded",
    "audit_model": "rescalade.audit.sample_audit",
    "make_rescaled": "rescalade.rescaling.make",
    "rescale": "rescalade.library.heads",
    "sparse_encoder": "rescalade.library.encoder",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
