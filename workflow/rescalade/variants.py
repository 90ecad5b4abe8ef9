"""A variant: the scale k and how it is applied to the head."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

from rescalade.errors import UserError

Mode = Literal["tied", "untied"]
MODES: tuple[Mode, ...] = ("tied", "untied")
_NAME = re.compile(r"k(?P<scale>\d+(?:\.\d+)?)(?:-(?P<mode>untied))?(?P<bias>-bias)?")


@dataclass(frozen=True, order=True)
class Variant:
    """One way to rescale a head.

    scale: k, the head is divided by it. mode: `tied` divides the shared matrix and keeps the tie (the
    paper's way), `untied` gives the decoder a copy of its own. bias: whether the bias is divided too.
    """

    scale: float
    mode: Mode = "tied"
    bias: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.scale) and self.scale > 0):
            raise UserError(f"scale k: a finite number above 0 is expected, found {self.scale!r}")
        if self.mode not in MODES:
            raise UserError(f"rescale mode {self.mode!r} is not known; known: {', '.join(MODES)}")

    @property
    def name(self) -> str:
        """k16, k16-untied, k16-untied-bias: the name used in paths and tables."""
        mode = "" if self.mode == "tied" else f"-{self.mode}"
        return f"k{self.scale:g}{mode}{'-bias' if self.bias else ''}"

    @classmethod
    def parse(cls, name: str) -> Variant:
        """Inverse of `name`.

        Raises:
            UserError: the name has another form.
        """
        match = _NAME.fullmatch(name)
        if match is None:
            raise UserError(f"variant {name!r}: expected a form like k1, k16, k4-untied or k4-untied-bias")
        mode: Mode = "untied" if match["mode"] else "tied"
        return cls(scale=float(match["scale"]), mode=mode, bias=bool(match["bias"]))
