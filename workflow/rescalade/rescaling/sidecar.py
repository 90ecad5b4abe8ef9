"""rescale.json: what was done to a head, beside the model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rescalade.atomic import read_json, write_json
from rescalade.errors import UserError
from rescalade.models.load import load_masked_lm
from rescalade.rescaling.multiplier import unbake
from rescalade.variants import Variant

if TYPE_CHECKING:
    from transformers import PreTrainedModel

NAME = "rescale.json"


def write_sidecar(folder: Path, variant: Variant, **facts: Any) -> None:
    """Write k, mode, bias and rule, and whatever else is known of the division."""
    write_json(
        folder / NAME,
        {
            "variant": variant.name,
            "scale": variant.scale,
            "mode": variant.mode,
            "bias": variant.bias,
            "rule": variant.rule,
            **facts,
        },
    )


def read_sidecar(folder: Path) -> dict[str, Any] | None:
    """What was done to the head of a model folder; None where nothing says so.

    Raises:
        UserError: the file is damaged.
    """
    path = folder / NAME
    if not path.is_file():
        return None
    found = read_json(path)
    if not isinstance(found, dict) or not {"scale", "mode", "bias"} <= found.keys():
        raise UserError(f"{path}: expected scale, mode and bias; delete {folder} and rescale again")
    return found


def load_rescaled(folder: Path) -> PreTrainedModel:
    """Load a masked language model to train from: a baked multiplier becomes a division at run time again.

    Raises:
        UserError: see `load_masked_lm`; or what was done to it is not readable.
    """
    model = load_masked_lm(folder)
    found = read_sidecar(folder)
    if found is not None and found["mode"] == "multiplier":
        unbake(model, float(found["scale"]), bool(found["bias"]))
    return model
