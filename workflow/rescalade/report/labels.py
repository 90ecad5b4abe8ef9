"""Display names. An inflated backbone is called so wherever its name appears."""

from __future__ import annotations

from rescalade.config import Config
from rescalade.variants import Variant


def backbone_title(config: Config, name: str) -> str:
    """`BERT 2x128, large head (inflated x16)`."""
    title = config.title("backbone", name)
    factor = config.backbone(name).factor
    return title if factor == 1 else f"{title} (inflated x{factor:g})"


def variant_title(variant: Variant) -> str:
    """`k = 16, tied`."""
    return f"k = {variant.scale:g}, {variant.mode}{', bias too' if variant.bias else ''}"


def mode_title(variant: Variant) -> str:
    """`tied`, `untied, bias too`."""
    return f"{variant.mode}{', bias too' if variant.bias else ''}"
