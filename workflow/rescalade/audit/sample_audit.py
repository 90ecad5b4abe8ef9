"""Audits a model outside the pipeline, on text that is always the same."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from rescalade.audit.measure import COPIES, audit
from rescalade.audit.settings import OFFSETS
from rescalade.audited import Audit
from rescalade.errors import UserError
from rescalade.models.load import check_finite, check_vocabulary, load_lm, load_tokenizer
from rescalade.models.model_folder import open_model_name
from rescalade.progress import Progress
from rescalade.rescaling.offset_texts import in_batches
from rescalade.texts.audit_sample import sample_batches
from rescalade.texts.tokenizer_state import writing_lower_case
from rescalade.variants import Variant


def audit_model(
    name: str | Path,
    variants: Sequence[Variant] = (),
    *,
    revision: str | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
    offset_texts: Sequence[str] = (),
) -> Audit:
    """Audit a hub id or folder on the sample text; see `rescalade.audit.measure.audit`.

    A folder that says how its model encodes, SparseEncoders' among them, is laid out and activated so.

    Args:
        offset_texts: on which the offset of each term is measured, of which OFFSETS are tried then.

    Raises:
        UserError: the model cannot be loaded, its head is unknown, it has weights that are not finite, or its term
            weights are no maxima of its logits.
    """
    found = open_model_name(name, revision)
    found.check_one_model("audited")
    if found.how.pooling != "max":
        raise UserError(
            f"model {name}: its term weights are sums over tokens (pooling_strategy 'sum'); an audit and its rules are "
            "for maxima"
        )
    place = found.language_model
    model, tokenizer = load_lm(place, revision, device=device, copies=COPIES), load_tokenizer(place, revision)
    check_vocabulary(model, tokenizer, name)
    check_finite(model, name)
    if found.how.lower_case:
        tokenizer = writing_lower_case(tokenizer)
    to, how = torch.device(device), found.how
    batches = sample_batches(tokenizer, layouts=(how.layout(queries=True), how.layout(queries=False)))
    queries, documents = (batch.to(to) for batch in batches)
    return audit(
        model.to(device),  # type: ignore[arg-type]
        queries,
        documents,
        variants,
        progress=progress,
        backbone=str(name),
        text="sample text of rescalade",
        activation=how.activation,
        offsets=OFFSETS if offset_texts else (),
        offset_texts=in_batches(tokenizer, how.layout(queries=False), offset_texts, int(model.config.vocab_size)),
    )
