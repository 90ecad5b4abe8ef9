"""The model card of a rescaled model."""

from __future__ import annotations

from rescalade.models.card_use import use_section
from rescalade.models.splade_config import SpladeConfig
from rescalade.rescaling.sidecar import Offset, Rescaled

_CARD = """---
library_name: {library}
base_model: {origin}
tags:
- rescalade
- splade
{tags}---

# {origin}, language-model head divided by {scale:g}

This is `{origin}` with the output of its language-model head divided by k = {scale:g}, so that SPLADE training does
not start from term weights that are too large (*Rescaling MLM-Head for Neural Sparse Retrieval*, arXiv 2606.18811).
Nothing was trained on the way.

| | |
|---|---|
| scale k | {scale:g}{rule} |
| mode | `{mode}`: {mode_words} |
| bias | {bias} |
{offset}| logits against a pure division | {effect} |
| mean row norm of W | {norm_before:.4g} before, {norm_after:.4g} after |
| head | {model_type}, W of {vocabulary:,} × {width}, {tied} |
| made by | rescalade {rescalade}, transformers {transformers}, torch {torch} |
{origin_sha}
{use}"""

_TRAIN = """
Train it with `SparseEncoderTrainer` and `SpladeLoss` as usual; nothing has to be changed for the division.
"""

MODE_WORDS = {
    "tied": "the matrix shared with the input embeddings was divided and stays shared (the paper's way)",
    "apart": "the output projection, which this model does not share with its input embeddings, was divided",
    "untied": "the output projection got a matrix of its own, which was divided",
    "folded": "the norm before the output projection was divided; W is unchanged",
    "multiplier": "a division of the logits, moved into the weights for these files",
}


def model_card(origin: str, done: Rescaled, how: SpladeConfig) -> str:
    """README.md of a model that was made from `origin`, a hub id or a folder, and encodes as `how` says."""
    sparse = done.no_sparse_encoder is None
    wanted = "z / k" if done.bias or done.bias_norm is None else "(z - b) / k + b"
    return _CARD.format(
        origin=origin,
        library="sentence-transformers" if sparse else "transformers",
        tags="- sparse-encoder\n- sparse\n" if sparse else "",
        scale=done.scale,
        rule=f", by rule `{done.rule}`" if done.rule else "",
        mode=done.mode,
        mode_words=MODE_WORDS["apart" if done.mode == "tied" and not done.tied else done.mode],
        bias=_bias(done),
        effect=f"equal to {wanted} bit for bit on sample text"
        if done.logit_error == 0
        else f"{done.logit_error:.2g} relative error from {wanted} on sample text",
        norm_before=done.row_norm_before,
        norm_after=done.row_norm_after,
        model_type=done.model_type,
        vocabulary=done.vocabulary,
        width=done.width,
        tied="tied to the input embeddings" if done.tied else "not tied",
        origin_sha=f"\nWeights of the origin: sha256 `{done.origin_sha256}`.\n" if done.origin_sha256 else "",
        offset=_offset(done.offset),
        use=use_section(how, done.no_sparse_encoder) + (_TRAIN if sparse else ""),
        **done.versions,
    )


def _bias(done: Rescaled) -> str:
    if done.bias_norm is None:
        return "this head has none"
    return "divided too" if done.bias else "left as it was"


def _offset(offset: Offset | None) -> str:
    """A row of the table; nothing without an offset."""
    if offset is None:
        return ""
    where = "a bias that the head did not have" if offset.given else "the head's bias"
    return (
        f"| offset c | {offset.c:g}: each term's pooled logit lowered by its mean plus {offset.c:g} standard "
        f"deviations over {offset.texts} texts (on average {offset.mean:.3g} and {offset.sd:.3g}), in {where} |\n"
    )
