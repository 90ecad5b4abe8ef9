"""How the linear layers of a model may be quantised where it encodes: names, which paths and settings share."""

from __future__ import annotations

from typing import Literal, get_args

Quantisation = Literal["none", "int8-weight", "int8-dynamic", "int4-weight", "bnb-int8", "bnb-int4"]
"""none: weights as trained. int8-weight, int4-weight: torchao's, weights alone. int8-dynamic: torchao's, weights and
activations, the latter as they come. bnb-int8, bnb-int4: bitsandbytes', on a CUDA device."""
QUANTISATIONS: tuple[Quantisation, ...] = get_args(Quantisation)
QUANTISED: tuple[Quantisation, ...] = QUANTISATIONS[1:]


def quantisation_title(name: Quantisation) -> str:
    """As tables and figures call it."""
    return {
        "none": "not quantised",
        "int8-weight": "8-bit weights (torchao)",
        "int8-dynamic": "8-bit weights and activations (torchao)",
        "int4-weight": "4-bit weights (torchao)",
        "bnb-int8": "8-bit (bitsandbytes)",
        "bnb-int4": "4-bit (bitsandbytes)",
    }[name]
