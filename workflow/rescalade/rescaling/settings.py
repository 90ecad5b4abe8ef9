"""What decides a division."""

from __future__ import annotations

from rescalade.strict import Strict
from rescalade.texts.text_settings import TextSettings
from rescalade.variants import Mode, Reading, ScaleRule, Variant


class RescaleSettings(Strict):
    """The stage `rescale`. scale: k; 0 where `rule` chooses it from the audit. bias: whether it is divided too.

    reading: how a causal model is to read from now on. offset: c of the offset of each term, None for none. texts: how
    the recipe lays out the texts that it is measured on, None without one. adapted: whether the backbone that is given
    was adapted.
    """

    scale: float
    mode: Mode
    bias: bool
    rule: ScaleRule | None
    reading: Reading
    offset: float | None
    adapted: bool
    texts: TextSettings | None

    @property
    def variant(self) -> Variant:
        """The variant that these are."""
        return Variant(self.scale, self.mode, self.bias, self.rule, self.offset, self.adapted, self.reading)
