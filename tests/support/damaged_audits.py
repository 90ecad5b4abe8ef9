"""Audits with values that a page must survive."""

from __future__ import annotations

from typing import Any

DAMAGED: list[Any] = [
    None,
    {},
    {"scales": None, "predicted": None, "row_norm": None, "text": None, "vocabulary": None},
    {"scales": "none", "predicted": [], "row_norm": 3, "text": "pydoc", "vocabulary": "many"},
    {"scales": [None, {"k": None}, {"k": 0}, {"k": 2}], "predicted": {"loss": None, "norm": {}, "other": {"power": 2}}},
    {"scales": [{"k": 1, "step0_loss": 0.0, "active_document": None}], "predicted": {"loss": {"k": "x", "power": 8}}},
]
