"""A run: the unit that is trained, encoded and scored; and a backbone before any training, which is encoded alike."""

from __future__ import annotations

from dataclasses import dataclass

from rescalade.errors import UserError
from rescalade.variants import Variant

UNTRAINED = "untrained"
"""Last part of a run's name where nothing was trained."""


@dataclass(frozen=True, order=True)
class Run:
    """(recipe, backbone, variant, seed). Its folder does not name the experiment, so experiments share runs.

    trained: False for what the run would start from, encoded by the recipe's lengths and precision; its seed is 0.
    """

    recipe: str
    backbone: str
    variant: Variant
    seed: int
    trained: bool = True

    @property
    def folder(self) -> str:
        """Path under results/runs."""
        last = f"seed{self.seed}" if self.trained else UNTRAINED
        return f"{self.recipe}/{self.backbone}/{self.variant.name}/{last}"

    @classmethod
    def parse(cls, text: str) -> Run:
        """recipe/backbone/variant/seedN or recipe/backbone/variant/untrained, the path of a run under results/runs.

        Raises:
            UserError: the text has another form.
        """
        parts = text.strip("/").split("/")
        if len(parts) == 4 and parts[3] == UNTRAINED:
            return cls(parts[0], parts[1], Variant.parse(parts[2]), 0, trained=False)
        if len(parts) != 4 or not parts[3].startswith("seed") or not parts[3][4:].isdigit():
            raise UserError(
                f"run {text!r}: expected RECIPE/BACKBONE/VARIANT/seedN, for example mini/bert-small/k4/seed1"
            )
        return cls(parts[0], parts[1], Variant.parse(parts[2]), int(parts[3][4:]))
