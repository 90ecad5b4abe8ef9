"""The model card of a rescaled model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_CARD = """---
library_name: {library}
base_model: {origin}
tags:
- rescalade
- splade
{tags}---

# {origin}, masked-LM head divided by {scale:g}

This is `{origin}` with the output of its language-model head divided by k = {scale:g}, so that SPLADE training does
not start from term weights that are too large (*Rescaling MLM-Head for Neural Sparse Retrieval*, arXiv 2606.18811).
Nothing was trained on the way.

| | |
|---|---|
| scale k | {scale:g}{rule} |
| mode | `{mode}`: {mode_words} |
| bias | {bias} |
| logits against a pure division | {effect} |
| mean row norm of W | {norm_before:.4g} before, {norm_after:.4g} after |
| head | {model_type}, W of {vocabulary:,} × {width}, {tied} |
| made by | rescalade {rescalade}, transformers {transformers}, torch {torch} |
{origin_sha}
{use}"""

_SPARSE = """## Use

```python
from sentence_transformers import SparseEncoder

model = SparseEncoder("path/to/this/folder")
```

Train it with `SparseEncoderTrainer` and `SpladeLoss` as usual; nothing has to be changed for the division.
"""

_CAUSAL = """## Use

```python
from transformers import AutoModelForCausalLM

model = AutoModelForCausalLM.from_pretrained("path/to/this/folder")
```
"""

MODE_WORDS = {
    "tied": "the matrix shared with the input embeddings was divided and stays shared (the paper's way)",
    "apart": "the output projection, which this model does not share with its input embeddings, was divided",
    "untied": "the output projection got a matrix of its own, which was divided",
    "folded": "the norm before the output projection was divided; W is unchanged",
    "multiplier": "a division of the logits, moved into the weights for these files",
}


def model_card(origin: str, facts: Mapping[str, Any]) -> str:
    """README.md of a rescaled model.

    Args:
        origin: hub id or folder that it was made from.
        facts: what `rescale.json` holds.
    """
    error = float(facts["logit_error"])
    exact = error == 0
    causal = bool(facts["causal"])
    wanted = "z / k" if facts["bias"] or facts["bias_norm"] is None else "(z - b) / k + b"
    return _CARD.format(
        origin=origin,
        library="transformers" if causal else "sentence-transformers",
        tags="" if causal else "- sparse-encoder\n- sparse\n",
        scale=float(facts["scale"]),
        rule=f", by rule `{facts['rule']}`" if facts["rule"] else "",
        mode=facts["mode"],
        mode_words=MODE_WORDS["apart" if facts["mode"] == "tied" and not facts["tied"] else str(facts["mode"])],
        bias=_bias(facts),
        effect=f"equal to {wanted} bit for bit on sample text"
        if exact
        else f"{error:.2g} relative error from {wanted} on sample text",
        norm_before=float(facts["row_norm_before"]),
        norm_after=float(facts["row_norm_after"]),
        model_type=facts["model_type"],
        vocabulary=int(facts["vocabulary"]),
        width=int(facts["width"]),
        tied="tied to the input embeddings" if facts["tied"] else "not tied",
        origin_sha=f"\nWeights of the origin: sha256 `{facts['origin_sha256']}`.\n" if facts["origin_sha256"] else "",
        use=_CAUSAL if causal else _SPARSE,
        **facts["versions"],
    )


def _bias(facts: Mapping[str, Any]) -> str:
    if facts["bias_norm"] is None:
        return "this head has none"
    return "divided too" if facts["bias"] else "left as it was"
