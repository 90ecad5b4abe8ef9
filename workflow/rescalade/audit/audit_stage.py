"""The stage `audit`: a head on a micro-batch that training draws, before any training."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import torch

from rescalade.audit.measure import COPIES, audit
from rescalade.audit.settings import AuditSettings
from rescalade.audit.warned import chosen_outside
from rescalade.audited import Audit
from rescalade.models.load import load_lm, load_tokenizer
from rescalade.models.published_norm import check_published_norm
from rescalade.models.splade_config import SpladeConfig, as_trained
from rescalade.progress import Progress, Reporter
from rescalade.rescaling.offset_texts import collection_batches
from rescalade.stage import Call, Files
from rescalade.texts.micro_batches import micro_batches
from rescalade.texts.named_texts import document_texts, query_texts, texts_by_id
from rescalade.texts.token_batch import TokenBatch
from rescalade.texts.triple_files import read_triples
from rescalade.variants import Variant

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


logger = logging.getLogger(__name__)


def run_audit(settings: AuditSettings, inputs: Files, outputs: Files, call: Call) -> None:
    """Measure a backbone's head.

    Raises:
        UserError: the head is not the one that the paper has under this name; the triples are missing or damaged.
    """
    name, device = call.names["backbone"], call.machine.device()
    with Reporter(f"audit {name}") as progress:
        found = audit_on_triples(
            inputs["model"],
            inputs["corpus"].parent,
            read_triples(inputs["triples"]),
            settings,
            name=name,
            device=device,
            progress=progress,
        )
    if settings.check_norm:
        check_published_norm(name, settings.id, found)
    for words in chosen_outside(found.scales, settings.temperature):
        logger.warning("backbone %s: %s", name, words)
    found.write(outputs["audit"])
    call.record(outputs["record"])


def audit_on_triples(
    folder: Path,
    collection: Path,
    triples: pa.Table,
    settings: AuditSettings,
    *,
    name: str,
    device: str,
    progress: Progress,
) -> Audit:
    """Audit a backbone's folder; see `rescalade.audit.measure.audit`.

    Args:
        folder, name: of the backbone. collection: folder of the data set that the triples belong to.
    """
    model = load_lm(folder, device=device, copies=COPIES)
    tokenizer, how = load_tokenizer(folder), as_trained(settings, "fp32", "causal", model.config.model_type)
    batches = triple_batches(tokenizer, collection, triples, batch_size=settings.batch_size, how=how, device=device)
    return audit(
        model.to(device),  # type: ignore[arg-type]  # transformers wraps `to` loosely
        *batches,
        [Variant.parse(variant) for variant in settings.variants],
        settings.temperature,
        progress,
        backbone=name,
        text=settings.train_on,
        inflate=settings.inflate,
        activation=settings.activation,
        offsets=settings.offsets,
        offset_texts=collection_batches(collection, tokenizer, how, int(model.config.vocab_size)),
    )


def triple_batches(
    tokenizer: PreTrainedTokenizerBase,
    collection: Path,
    triples: pa.Table,
    *,
    batch_size: int,
    how: SpladeConfig,
    device: str,
) -> tuple[TokenBatch, TokenBatch]:
    """Queries and documents (positives, then hard negatives) of the first micro-batch of seed 0.

    Args:
        collection: folder, of whose texts only those of the micro-batch are held.
        triples: table (query_id, positive_id, negative_id).
        how: how the model encodes.

    Raises:
        UserError: a triple names what is not in the collection.
    """
    rows = triples.take(next(micro_batches(len(triples), batch_size, seed=0))).to_pylist()
    asked = texts_by_id(query_texts(collection), [row["query_id"] for row in rows])
    named = [row[key] for key in ("positive_id", "negative_id") for row in rows]
    texts = texts_by_id(document_texts(collection), named)
    to = torch.device(device)
    of_queries, of_documents = how.layout(queries=True), how.layout(queries=False)
    return (
        of_queries.batch(tokenizer, of_queries.tokens(tokenizer, asked).rows()).to(to),
        of_documents.batch(tokenizer, of_documents.tokens(tokenizer, texts).rows()).to(to),
    )
