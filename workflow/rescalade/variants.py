"""A variant: the scale k and how it is applied to the head."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import Literal, get_args

from rescalade.errors import UserError

Mode = Literal["tied", "untied", "folded", "multiplier"]
MODES: tuple[Mode, ...] = get_args(Mode)
ScaleRule = Literal["width", "norm", "activation", "score", "loss"]
SCALE_RULES: tuple[ScaleRule, ...] = get_args(ScaleRule)
"""Rules that choose k from an audit; `rescalade.audit.choose` says what each does."""


def prediction_key(rule: ScaleRule, bias: bool) -> str:
    """Name of a rule's entry in an audit: rules on activations give another k where the bias is divided too."""
    return f"{rule}-bias" if bias and rule not in ("width", "norm") else rule


PATTERN = (
    rf"k(?:auto-(?P<rule>{'|'.join(SCALE_RULES)})|(?P<scale>\d+(?:\.\d+)?))"
    rf"(?:-(?P<mode>{'|'.join(MODES[1:])}))?(?P<bias>-bias)?"
)
"""Regular expression of variant names."""
AUTOMATIC = "kauto-[a-z-]+"
"""Names of variants whose k a rule chooses, as a regular expression."""
WILDCARD = re.sub(r"\?P<\w+>", "?:", PATTERN)
"""Regular expression of variant names without named groups, which a wildcard of a rule cannot hold."""


@dataclass(frozen=True)
class Variant:
    """One way to rescale a head.

    scale: k, the head is divided by it. mode: `tied` divides the shared matrix and keeps the tie (the
    paper's way), `untied` gives the decoder a copy of its own, `folded` divides the norm before the
    decoder, `multiplier` divides the logits at run time. bias: whether the bias is divided too.
    rule: how k is chosen from the backbone's audit; `scale` is then 0 until it has been.
    """

    scale: float
    mode: Mode = "tied"
    bias: bool = False
    rule: ScaleRule | None = None

    def __post_init__(self) -> None:
        unchosen = self.rule is not None and self.scale == 0
        if not unchosen and not (math.isfinite(self.scale) and self.scale > 0):
            raise UserError(f"scale k: a finite number above 0 is expected, found {self.scale!r}")
        if self.mode not in MODES:
            raise UserError(f"rescale mode {self.mode!r} is not known; known: {', '.join(MODES)}")
        if self.rule is not None and self.rule not in SCALE_RULES:
            raise UserError(f"rule for k {self.rule!r} is not known; known: {', '.join(SCALE_RULES)}")

    def __lt__(self, other: Variant) -> bool:
        return self._place < other._place

    @property
    def _place(self) -> tuple[float, str, bool, str]:
        return self.scale, self.mode, self.bias, self.rule or ""

    @property
    def name(self) -> str:
        """k16, k16-untied, k16-folded-bias, kauto-loss-folded: the name used in paths and tables."""
        scale = f"auto-{self.rule}" if self.rule else f"{self.scale:g}"
        mode = "" if self.mode == "tied" else f"-{self.mode}"
        return f"k{scale}{mode}{'-bias' if self.bias else ''}"

    @property
    def unchosen(self) -> bool:
        """Whether the scale still has to be taken from an audit."""
        return self.rule is not None and self.scale == 0

    def chosen(self, scale: float) -> Variant:
        """The variant with the scale that its rule gave; its name still says `auto`."""
        return replace(self, scale=scale)

    @property
    def divides_matrix(self) -> bool:
        """Whether W itself is divided; `folded` and `multiplier` divide what goes into it or comes out of it."""
        return self.mode in ("tied", "untied")

    @classmethod
    def automatic(cls, rule: ScaleRule, mode: Mode = "tied", bias: bool = False) -> Variant:
        """A variant whose scale a rule will choose."""
        return cls(0.0, mode, bias, rule)

    @classmethod
    def parse(cls, name: str) -> Variant:
        """Inverse of `name`, up to a scale that a rule has chosen.

        Raises:
            UserError: the name has another form.
        """
        match = re.fullmatch(PATTERN, name)
        if match is None:
            raise UserError(
                f"variant {name!r}: expected a form like k1, k16, k4-untied, k4-folded-bias, k16-multiplier-bias or "
                f"kauto-RULE with a rule out of {', '.join(SCALE_RULES)}"
            )
        mode: Mode = next((known for known in MODES if known == match["mode"]), "tied")
        rule: ScaleRule | None = next((known for known in SCALE_RULES if known == match["rule"]), None)
        return cls(float(match["scale"] or 0), mode, bool(match["bias"]), rule)
