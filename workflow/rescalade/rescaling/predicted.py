"""Reads the k of a rule from an audit. Apart from the rules: a division does not depend on how they are computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rescalade.errors import UserError
from rescalade.variants import Variant, prediction_key


def predicted_scale(predicted: Mapping[str, Any], variant: Variant) -> float:
    """The k that a variant's rule takes from the `predicted` of an audit.

    Raises:
        UserError: the variant has no rule.
    """
    if variant.rule is None:
        raise UserError(f"variant {variant.name}: its k is given, no rule chooses it")
    # a head without a bias has one entry for both
    entry = predicted.get(prediction_key(variant.rule, variant.bias)) or predicted[variant.rule]
    return float(entry["power"])
