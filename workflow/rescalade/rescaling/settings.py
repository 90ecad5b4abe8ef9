"""What decides a division."""

from __future__ import annotations

from rescalade.strict import Strict
from rescalade.variants import Mode, ScaleRule, Variant


class RescaleSettings(Strict):
    """The stage `rescale`. scale: k; 0 where `rule` chooses it from the audit. bias: whether it is divided too."""

    scale: float
    mode: Mode
    bias: bool
    rule: ScaleRule | None

    @property
    def variant(self) -> Variant:
        """The variant that these are."""
        return Variant(self.scale, self.mode, self.bias, self.rule)
