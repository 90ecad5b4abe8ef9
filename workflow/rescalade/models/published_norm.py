"""Compares a backbone's head with what the paper's Table 1 prints for it: another norm is another checkpoint."""

from __future__ import annotations

import logging

from rescalade.audited import HeadNorms
from rescalade.errors import UserError
from rescalade.published import Published, PublishedValue, load_published

logger = logging.getLogger(__name__)
MEASURES = {"row_norm": "mean row norm", "row_norm_max": "largest row norm", "anisotropy": "anisotropy"}
"""Those of Table 1, with their names in messages."""
GUESSED = ("anisotropy",)
"""What the paper does not define. The mean cosine over all pairs of distinct rows is a guess at it, so another value is
said and refuses nothing."""


def check_published_norm(name: str, hub_id: str | None, norms: HeadNorms, published: Published | None = None) -> bool:
    """Compare the norms of a head with the paper's, within the tolerance of the published file.

    Args:
        name: backbone of the configuration; it or the id decides which of the paper's backbones is meant.
        norms: of its head.
        published: instead of rescaling.yaml of the catalogue.

    Returns:
        Whether the paper has a backbone of this name or id.

    Raises:
        UserError: a norm is further off than the margin. Another anisotropy is a warning in the log.
    """
    known = published or load_published("rescaling")
    for measure, words in differences(name, hub_id, norms, known).items():
        if measure not in GUESSED:
            raise UserError(
                f"backbone {name}: {words}: this is another checkpoint. Correct its id, revision or path, or set "
                "check_norm: false if it is meant"
            )
        logger.warning("backbone %s: %s", name, words)
    return bool(_meant(name, hub_id, known))


def differences(name: str, hub_id: str | None, norms: HeadNorms, known: Published) -> dict[str, str]:
    """By measure, what is further from the paper's than the margin, in words; arguments as above."""
    meant = _meant(name, hub_id, known)
    ours = {"row_norm": norms.row_norm.mean, "row_norm_max": norms.row_norm.max, "anisotropy": norms.anisotropy}

    def differs(value: PublishedValue) -> bool:
        if value.backbone not in meant or value.measure not in ours or value.scale is not None:
            return False
        return not abs(ours[value.measure] - value.value) <= known.margin(value).of(value.value)  # NaN too

    return {
        value.measure: f"{MEASURES[value.measure]} of its head is {ours[value.measure]:.4g}, {known.source} "
        f"({value.where}) has {value.value:g} (± {known.margin(value).of(value.value):.2g}) for "
        f"{known.backbones[value.backbone].title}"
        + (", by a definition that is not given" if value.measure in GUESSED else "")
        for value in filter(differs, known.values)
    }


def _meant(name: str, hub_id: str | None, known: Published) -> list[str]:
    """Backbones of the paper that are called so."""
    return [key for key, entry in known.backbones.items() if name in entry.names or hub_id in entry.names]
