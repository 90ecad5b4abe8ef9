"""How a causal language model reads: forwards as it was made to, or both ways."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from rescalade.errors import UserError
from rescalade.models.locate import family_of
from rescalade.variants import Reading

if TYPE_CHECKING:
    from transformers import PreTrainedModel


ROUNDING = 1e-5
"""Relative difference of hidden states that rounding may cause where both rows are computed alike."""


def set_reading(model: PreTrainedModel, reading: Reading, name: str | Path) -> None:
    """Have a model read in some way, in memory and when it is loaded again.

    transformers (from 5.2 on) makes the attention mask by `config.is_causal`, which config.json keeps.

    Raises:
        UserError: a masked model is to read other than it does, or this model type does not heed the flag.
    """
    if reading == "bidirectional":
        model.config.is_causal = False
    check_reading(model, reading, name)


def check_reading(model: PreTrainedModel, reading: Reading, name: str | Path) -> None:
    """Refuse a causal model that does not read as it is said to, by what its first position sees of the last token.

    Raises:
        UserError: its folder is of another reading, the model type does not heed `config.is_causal`, or a masked
            model is to read other than it does.
    """
    if not family_of(str(model.config.model_type)).causal:
        if reading != "causal":
            raise UserError(
                f"model {name}: {model.config.model_type} is a masked language model and reads both ways already; "
                f"leave the reading {reading!r} out"
            )
        return
    both_ways = getattr(model.config, "is_causal", True) is False
    if both_ways != (reading == "bidirectional"):
        found = "bidirectional" if both_ways else "causal or echo"
        raise UserError(
            f"model {name}: reading {reading!r} is asked of it, but its config.json says {found}; "
            "use the folder that was made and trained for that reading"
        )
    if sees_ahead(model) != both_ways:
        raise UserError(
            f"model {name}: its config.json says is_causal {not both_ways}, which {model.config.model_type} does not "
            "heed in this version of transformers; use another reading"
        )


def sees_ahead(model: PreTrainedModel) -> bool:
    """Whether the first position depends on the last token: three tokens, of which the last is one or another."""
    ids = torch.tensor([[1, 2, 3], [1, 2, 4]], device=model.device)
    training = model.training
    with torch.no_grad():
        first, other = model.eval().base_model(input_ids=ids, use_cache=False).last_hidden_state[:, 0].float()
    model.train(training)
    return float((first - other).norm()) > ROUNDING * float(first.norm())
