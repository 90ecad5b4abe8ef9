"""A run: the unit that is trained, encoded and scored."""

from __future__ import annotations

from dataclasses import dataclass

from rescalade.errors import UserError
from rescalade.variants import Variant


@dataclass(frozen=True, order=True)
class Run:
    """(recipe, backbone, variant, seed). Its folder does not name the experiment, so experiments share runs."""

    recipe: str
    backbone: str
    variant: Variant
    seed: int

    @property
    def folder(self) -> str:
        """Path under results/runs."""
        return f"{self.recipe}/{self.backbone}/{self.variant.name}/seed{self.seed}"

    @classmethod
    def parse(cls, text: str) -> Run:
        """recipe/backbone/variant/seedN, the path of a run under results/runs.

        Raises:
            UserError: the text has another form.
        """
        parts = text.strip("/").split("/")
        if len(parts) != 4 or not parts[3].startswith("seed") or not parts[3][4:].isdigit():
            raise UserError(
                f"run {text!r}: expected RECIPE/BACKBONE/VARIANT/seedN, for example mini/bert-small/k4/seed1"
            )
        return cls(parts[0], parts[1], Variant.parse(parts[2]), int(parts[3][4:]))
