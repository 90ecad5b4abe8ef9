"""rescale.json: what was done to a head, beside the model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from rescalade.models.load import load_lm
from rescalade.rescaling.multiplier import unbake
from rescalade.stored import Stored
from rescalade.strict import Strict
from rescalade.variants import Mode, ScaleRule

if TYPE_CHECKING:
    from transformers import PreTrainedModel

FILE = "rescale.json"


class Offset(Strict):
    """An offset m + c s of each term, z' = z - m - c s; see `rescalade.rescaling.offset`.

    c: standard deviations above the mean. texts: how many it was measured on. mean, sd: of m and of s, their means over
    the terms, in logits after the division by k. given: whether the head had no bias before.
    """

    c: float
    texts: int
    mean: float
    sd: float
    given: bool


class Rescaled(Stored):
    """How a head was divided, and what the division did to it.

    variant: the name of scale (k), mode, bias (whether it was divided too) and rule (which chose k, null where a person
    did). logit_error: relative error of the logits from a pure division, on sample text. row_norm_before,
    row_norm_after: mean L2 norm of the rows of W. bias_norm, norm and soft_cap: of the head before; null where it has
    none. vocabulary, width: W is [V, D]. tied: whether W was the input embedding. versions: of packages, by name.
    origin_sha256: of the weights that were divided; null where they are not in one file. offset: what was taken off
    each term's logit after the division, null where nothing was. no_sparse_encoder: why sentence-transformers cannot
    load the folder as a SparseEncoder, null where it can.
    """

    again: ClassVar[str] = "delete the folder that it lies in and rescale the model again"

    schema_version: int = 2
    variant: str
    scale: float
    mode: Mode
    bias: bool
    rule: ScaleRule | None
    logit_error: float
    row_norm_before: float
    row_norm_after: float
    bias_norm: float | None
    vocabulary: int
    width: int
    tied: bool
    norm: str | None
    soft_cap: float | None
    model_type: str
    causal: bool
    versions: dict[str, str]
    origin_sha256: str | None
    offset: Offset | None
    no_sparse_encoder: str | None


def load_rescaled(folder: Path, matrices: Literal["fp32", "bf16"] = "fp32", device: str = "cpu") -> PreTrainedModel:
    """Load a language model to train from: a baked multiplier becomes a division at run time again.

    Args:
        matrices, device: see `load_lm`. A baked multiplier is taken out of float32 weights, so these stay so.

    Raises:
        UserError: see `load_lm`; or what was done to it is not readable.
    """
    done = Rescaled.read_or_none(folder / FILE)
    baked = done is not None and done.mode == "multiplier"
    model = load_lm(folder, matrices="fp32" if baked else matrices, device=device)
    if done is not None and baked:
        unbake(model, done.scale, done.bias)
    return model
