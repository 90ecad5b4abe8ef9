"""Compares a backbone's head with what the paper's Table 1 prints for it: another norm is another checkpoint."""

from __future__ import annotations

from rescalade.audited import HeadNorms
from rescalade.errors import UserError
from rescalade.published import Published, load_published


def check_published_norm(name: str, hub_id: str | None, norms: HeadNorms, published: Published | None = None) -> bool:
    """Compare the norms of a head with the paper's, within the tolerance of the published file.

    Args:
        name: backbone of the configuration; it or the id decides which of the paper's backbones is meant.
        norms: of its head.
        published: instead of rescaling.yaml of the catalogue.

    Returns:
        Whether the paper has a backbone of this name or id.

    Raises:
        UserError: a value is further off than the tolerance.
    """
    known = published or load_published("rescaling")
    meant = [key for key, entry in known.backbones.items() if name in entry.names or hub_id in entry.names]
    ours = {
        "row_norm": ("mean row norm", norms.row_norm.mean),
        "row_norm_max": ("largest row norm", norms.row_norm.max),
        "anisotropy": ("anisotropy", norms.anisotropy),
    }  # the measures of Table 1
    for value in known.values:
        if value.backbone not in meant or value.measure not in ours or value.scale is not None:
            continue
        measure, found = ours[value.measure]
        allowed = known.tolerance[value.measure].of(value.value)
        if not abs(found - value.value) <= allowed:  # NaN fails too
            raise UserError(
                f"backbone {name}: {measure} of its head is {found:.4g}, {known.source} "
                f"({value.where}) has {value.value:g} (± {allowed:.2g}) for {known.backbones[meant[0]].title}: this is "
                "another checkpoint. Correct its id, revision or path, or set check_norm: false if it is meant"
            )
    return bool(meant)
