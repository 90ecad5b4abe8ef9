"""How a rescale mode and a rule for k are told apart without colour: by the filling and the shape of a marker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rescalade.report.figures.style import CARD
from rescalade.variants import Mode, ScaleRule

FILLED: Mapping[Mode, str] = {"tied": "full", "untied": "none", "folded": "left", "multiplier": "top"}
FILLED_IN_WORDS = "filled tied, hollow untied, left half filled folded, upper half filled multiplier"
RULE_MARKERS: Mapping[ScaleRule, str] = {"width": "<", "norm": ">", "activation": "p", "score": "h", "loss": "*"}
"""Shapes that no fixed k has, so that a k that a rule chose stands out beside the same k of the grid."""


def mode_look(mode: Mode, colour: str) -> dict[str, Any]:
    """Settings of a line's markers."""
    if mode == "untied":  # filled with the ground, so that the line does not run through it
        return {"fillstyle": "full", "markerfacecolor": CARD}
    return {"fillstyle": FILLED[mode], "markerfacecolor": colour, "markerfacecoloralt": CARD}
