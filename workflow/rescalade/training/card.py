"""The model card of a trained model."""

from __future__ import annotations

from rescalade.models.card_use import use_section
from rescalade.models.splade_config import SpladeConfig
from rescalade.outcome import Outcome

_CARD = """---
library_name: {library}
tags:
- rescalade
- splade
{tags}---

# {run}

A SPLADE model, trained by Rescalade: recipe `{recipe}`, backbone `{backbone}`, variant `{variant}` (head divided by
{scale:g}), seed {seed}, {steps} steps. Verdict on the run: **{verdict}**.

{use}"""


def trained_card(outcome: Outcome, how: SpladeConfig, refusal: str | None) -> str:
    """README.md of a trained model.

    Args:
        refusal: why SparseEncoder cannot load it; None where it can.
    """
    sparse = refusal is None
    return _CARD.format(
        library="sentence-transformers" if sparse else "transformers",
        tags="- sparse-encoder\n- sparse\n" if sparse else "",
        use=use_section(how, refusal),
        **outcome.model_dump(include={"run", "recipe", "backbone", "variant", "scale", "seed", "steps", "verdict"}),
    )
