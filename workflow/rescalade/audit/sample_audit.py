"""Audits a model outside the pipeline, on text that is always the same."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from rescalade.audit.measure import COPIES, audit
from rescalade.audited import Audit
from rescalade.models.load import check_vocabulary, load_lm, load_tokenizer
from rescalade.models.splade_config import special_tokens
from rescalade.progress import Progress
from rescalade.texts.audit_sample import sample_batches
from rescalade.variants import Variant


def audit_model(
    name: str | Path,
    variants: Sequence[Variant] = (),
    *,
    revision: str | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Audit:
    """Audit a hub id or folder on the sample text; see `rescalade.audit.measure.audit`.

    Raises:
        UserError: the model cannot be loaded, or its head is unknown.
    """
    model, tokenizer = load_lm(name, revision, device=device, copies=COPIES), load_tokenizer(name, revision)
    check_vocabulary(model, tokenizer, name)
    to = torch.device(device)
    batches = sample_batches(tokenizer, special_tokens(model.config.model_type, bos=False))
    queries, documents = (batch.to(to) for batch in batches)
    return audit(
        model.to(device),  # type: ignore[arg-type]
        queries,
        documents,
        variants,
        progress=progress,
        backbone=str(name),
        text="sample text of rescalade",
    )
