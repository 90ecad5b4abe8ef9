"""A run: the unit that is trained, encoded and scored."""

from __future__ import annotations

from dataclasses import dataclass

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
