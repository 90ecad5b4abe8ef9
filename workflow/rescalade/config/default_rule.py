"""The rule behind `scales: [auto]` where none is named; a change of these words makes nothing run again."""

from __future__ import annotations

from rescalade.variants import ScaleRule

DEFAULT_RULE: ScaleRule = "width"
"""Of the rules whose k is known there, that of the least worst-case regret on Table 2 of arXiv 2606.18811."""
FITTED_ON = (
    "the least worst-case regret on Table 2 of arXiv 2606.18811 of the rules whose k is known there; that is three "
    "backbones of width 768 (RoBERTa, ModernBERT, Ettin), for each of which it means k = 4; of the 20 2x128 models "
    "that the kept runs trained at k = 4, tied, which it means for them too, 13 collapse there"
)
"""What it was chosen on, and where it fails, for readers of an audit."""
