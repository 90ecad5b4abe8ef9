"""A run: the unit that is trained, encoded and scored.

Backbones before any training and models that others have trained are encoded alike.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache

from rescalade.errors import UserError
from rescalade.quantisation import QUANTISED, Quantisation
from rescalade.variants import Variant

UNTRAINED = "untrained"
"""Last part of a run's name where nothing was trained."""
READY = "ready"
"""First and last part of a run's name where others have trained the model: there is no recipe and no seed."""
LAST = rf"(?:seed\d+|{READY})(?:-(?:{'|'.join(QUANTISED)}))?|{UNTRAINED}"
"""Regular expression of the last part of a run's name."""


@dataclass(frozen=True, order=True)
class Run:
    """(recipe, backbone, variant, seed). Its folder does not name the experiment, so experiments share runs.

    trained: False for what the run would start from, encoded by the recipe's lengths and precision; its seed is 0.
    quantise: how the model is quantised where it encodes. It is trained once for all of them.
    ready: whether it is a model that others have trained, encoded as it is; its seed is 0.
    """

    recipe: str
    backbone: str
    variant: Variant
    seed: int
    trained: bool = True
    quantise: Quantisation = "none"
    ready: bool = False

    @property
    def folder(self) -> str:
        """Path under results/runs, of vectors and scores."""
        last = READY if self.ready else f"seed{self.seed}" if self.trained else UNTRAINED
        quantised = "" if self.quantise == "none" else f"-{self.quantise}"
        return f"{self.recipe}/{self.backbone}/{self.variant.name}/{last}{quantised}"

    @property
    def training(self) -> str:
        """Path under results/runs of what training left: the model, its history and its outcome."""
        return self.quantised("none").folder

    def quantised(self, how: Quantisation) -> Run:
        """The same model, quantised in another way."""
        return replace(self, quantise=how)

    @classmethod
    def parse(cls, text: str) -> Run:
        """recipe/backbone/variant/seedN or recipe/backbone/variant/untrained, the path of a run under results/runs.

        A model that others have trained is ready/backbone/k1/ready. Behind seedN or ready there may stand how it is
        quantised, as in seed1-int8-weight.

        Raises:
            UserError: the text has another form.
        """
        return _parsed(text)


@cache
def _parsed(text: str) -> Run:
    """`Run.parse`, once for a text: a graph asks for the runs of its jobs many times."""
    parts = text.strip("/").split("/")
    if len(parts) == 4 and parts[3] == UNTRAINED:
        return Run(parts[0], parts[1], Variant.parse(parts[2]), 0, trained=False)
    if len(parts) != 4 or re.fullmatch(LAST, parts[3]) is None:
        raise UserError(f"run {text!r}: expected RECIPE/BACKBONE/VARIANT/seedN, for example mini/bert-small/k4/seed1")
    seed, _, quantise = parts[3].removeprefix("seed").partition("-")
    how: Quantisation = next((name for name in QUANTISED if name == quantise), "none")
    if seed == READY:
        return Run(parts[0], parts[1], Variant.parse(parts[2]), 0, quantise=how, ready=True)
    return Run(parts[0], parts[1], Variant.parse(parts[2]), int(seed), quantise=how)
