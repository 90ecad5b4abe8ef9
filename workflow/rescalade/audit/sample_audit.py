"""Audits a model outside the pipeline, on text that is always the same."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rescalade.audit.measure import Progress, audit
from rescalade.models.load import check_vocabulary, load_lm, load_tokenizer
from rescalade.texts.audit_sample import SAMPLE, sample_batches
from rescalade.variants import Variant


def audit_model(
    name: str | Path,
    variants: Sequence[Variant] = (),
    *,
    revision: str | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Audit a hub id or folder on the sample text; see `rescalade.audit.measure.audit`.

    Raises:
        UserError: the model cannot be loaded, or its head is unknown.
    """
    model, tokenizer = load_lm(name, revision), load_tokenizer(name, revision)
    check_vocabulary(model, tokenizer, name)
    queries, documents = (batch.to(device) for batch in sample_batches(tokenizer))  # type: ignore[arg-type]
    found = audit(model.to(device), queries, documents, variants, progress=progress)  # type: ignore[arg-type]
    text = {"name": "sample text of rescalade", "queries": len(SAMPLE), "documents": 2 * len(SAMPLE)}
    return {"backbone": str(name), "inflate": None, "text": text, **found}
