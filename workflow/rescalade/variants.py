"""A variant: what is done to a backbone before training, first of all the scale k and how it is applied to the head."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import Literal, get_args

from rescalade.errors import UserError

Mode = Literal["tied", "untied", "folded", "multiplier"]
MODES: tuple[Mode, ...] = get_args(Mode)
Reading = Literal["causal", "echo", "bidirectional"]
READINGS: tuple[Reading, ...] = get_args(Reading)
"""How a causal language model reads a text: forwards; twice, of which the second copy counts; both ways."""
ScaleRule = Literal["width", "norm", "activation", "score", "loss", "root"]
SCALE_RULES: tuple[ScaleRule, ...] = get_args(ScaleRule)
"""Rules that choose k from an audit; `rescalade.audit.choose` says what each does. `root` is `width` without
rounding, the fourth root itself."""


OF_WEIGHTS: tuple[ScaleRule, ...] = ("width", "norm", "root")
"""Rules that look at W alone; the others look at term weights of texts."""


def prediction_key(rule: ScaleRule, bias: bool) -> str:
    """Name of a rule's entry in an audit: rules on activations give another k where the bias is divided too."""
    if rule == "root":
        return "width"
    return f"{rule}-bias" if bias and rule not in OF_WEIGHTS else rule


_SHORT: dict[Reading, str] = {"causal": "", "echo": "-echo", "bidirectional": "-bi"}
"""Readings in the name of a variant."""
Scalar = bool | int | float | str
"""A setting with a single value."""
_SETTING = r"\+[a-z][a-z0-9_]*=[A-Za-z0-9_.-]+"
"""A training setting that is other than the recipe's, in the name of a variant."""
PATTERN = (
    rf"k(?:auto-(?P<rule>{'|'.join(SCALE_RULES)})|(?P<scale>\d+(?:\.\d+)?))"
    rf"(?:-(?P<mode>{'|'.join(MODES[1:])}))?(?P<bias>-bias)?"
    r"(?:-offset(?P<offset>\d+(?:\.\d+)?))?(?P<adapted>-adapted)?"
    rf"(?P<reading>{'|'.join(filter(None, _SHORT.values()))})?(?P<over>(?:{_SETTING})*)"
)
"""Regular expression of variant names."""
BY_RECIPE = r"k(?:auto-[^/+]*|[^/+]*-(?:offset|adapted)[^/+]*)"
"""Names of variants whose making takes a recipe's text, as a regular expression."""
BY_NAME = r"k\d(?:(?!-offset|-adapted)[^/+])*"
"""Names of the others."""
WILDCARD = re.sub(r"\?P<\w+>", "?:", PATTERN)
"""Regular expression of variant names without named groups, which a wildcard of a rule cannot hold."""


@dataclass(frozen=True)
class Variant:
    """One way to begin: a head divided by k, on a backbone read and prepared in some way.

    scale: k, the head is divided by it. mode: `tied` divides the shared matrix and keeps the tie (the
    paper's way), `untied` gives the decoder a copy of its own, `folded` divides the norm before the
    decoder, `multiplier` divides the logits at run time. bias: whether the bias is divided too.
    rule: how k is chosen from the backbone's audit; `scale` is then 0 until it has been.
    offset: c, each term's logit is lowered by its mean plus c standard deviations over training text; None lowers
    nothing. adapted: whether the adaptation phase of the recipe comes first. reading: how a causal language model
    reads; a masked one reads both ways, and has the default. over: training settings that are other than the recipe's,
    by name and in the order of the names; they change nothing of what training begins with.
    """

    scale: float
    mode: Mode = "tied"
    bias: bool = False
    rule: ScaleRule | None = None
    offset: float | None = None
    adapted: bool = False
    reading: Reading = "causal"
    over: tuple[tuple[str, Scalar], ...] = ()

    def __post_init__(self) -> None:
        unchosen = self.rule is not None and self.scale == 0
        if not unchosen and not (math.isfinite(self.scale) and self.scale > 0):
            raise UserError(f"scale k: a finite number above 0 is expected, found {self.scale!r}")
        if self.mode not in MODES:
            raise UserError(f"rescale mode {self.mode!r} is not known; known: {', '.join(MODES)}")
        if self.rule is not None and self.rule not in SCALE_RULES:
            raise UserError(f"rule for k {self.rule!r} is not known; known: {', '.join(SCALE_RULES)}")
        if self.offset is not None and not (math.isfinite(self.offset) and self.offset >= 0):
            raise UserError(f"offset c: a finite number of at least 0 is expected, found {self.offset!r}")
        if self.reading not in READINGS:
            raise UserError(f"reading {self.reading!r} is not known; known: {', '.join(READINGS)}")

    def __lt__(self, other: Variant) -> bool:
        return self._place < other._place

    @property
    def _place(self) -> tuple[int, bool, float, float, str, bool, str, list[tuple[str, bool, float, str]]]:
        offset = -1.0 if self.offset is None else self.offset
        reading = READINGS.index(self.reading)
        over = [
            (name, isinstance(value, str), 0.0, value) if isinstance(value, str) else (name, False, float(value), "")
            for name, value in self.over
        ]
        return reading, self.adapted, offset, self.scale, self.mode, self.bias, self.rule or "", over

    @property
    def name(self) -> str:
        """k16, k16-folded-bias, kauto-loss-folded, k4-offset2-adapted-bi, k1+lambda_query=0.1: as in paths, tables."""
        scale = f"auto-{self.rule}" if self.rule else f"{self.scale:g}"
        mode = "" if self.mode == "tied" else f"-{self.mode}"
        offset = "" if self.offset is None else f"-offset{self.offset:g}"
        adapted = "-adapted" if self.adapted else ""
        over = "".join(f"+{name}={written_setting(value)}" for name, value in self.over)
        return f"k{scale}{mode}{'-bias' if self.bias else ''}{offset}{adapted}{_SHORT[self.reading]}{over}"

    @property
    def start(self) -> Variant:
        """What training begins with: the same whatever it is trained with."""
        return replace(self, over=()) if self.over else self

    @property
    def by_recipe(self) -> bool:
        """Whether making it takes a recipe's text: an audit's, that of the offset, or that of the adaptation."""
        return self.rule is not None or self.offset is not None or self.adapted

    @property
    def unchosen(self) -> bool:
        """Whether the scale still has to be taken from an audit."""
        return self.rule is not None and self.scale == 0

    def chosen(self, scale: float) -> Variant:
        """The variant with the scale that its rule gave; its name still says `auto`."""
        return replace(self, scale=scale)

    @property
    def plain(self) -> bool:
        """Whether the head is divided and nothing else is done, nor trained with other settings."""
        return not self.prepared and not self.over

    @property
    def prepared(self) -> bool:
        """Whether more than a division is done to the backbone."""
        return self.offset is not None or self.adapted or self.reading != "causal"

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
                f"kauto-RULE with a rule out of {', '.join(SCALE_RULES)}, and after it, in this order, what there is "
                "of -offsetC, -adapted, -echo or -bi, and +SETTING=VALUE for what the recipe has otherwise"
            )
        mode: Mode = next((known for known in MODES if known == match["mode"]), "tied")
        rule: ScaleRule | None = next((known for known in SCALE_RULES if known == match["rule"]), None)
        offset = None if match["offset"] is None else float(match["offset"])
        reading = next(known for known in READINGS if _SHORT[known] == (match["reading"] or ""))
        pairs = [part.partition("=") for part in match["over"].split("+")[1:]]
        names = [key for key, _, _ in pairs]
        if names != sorted(set(names)):
            raise UserError(f"variant {name!r}: settings behind + stand in the order of their names, each once")
        return cls(
            float(match["scale"] or 0),
            mode,
            bool(match["bias"]),
            rule,
            offset,
            bool(match["adapted"]),
            reading,
            tuple((key, read_setting(text)) for key, _, text in pairs),
        )


def written_setting(value: Scalar) -> str:
    """A setting in the name of a variant: `0.1`, `1e-05`, `true`, `flops`."""
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def read_setting(text: str) -> Scalar:
    """Inverse of `written_setting`; a whole number stands for a float that is one."""
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
