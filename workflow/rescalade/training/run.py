"""The stage `train`: from a rescaled model and triples to a SPLADE model with history and outcome."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from rescalade.backbones.load import check_lengths, check_vocabulary, load_masked_lm, load_tokenizer
from rescalade.config.runs import Run
from rescalade.data.collection import Collection
from rescalade.errors import UserError
from rescalade.splade.batch import tokenise
from rescalade.splade.export import save_sparse_encoder
from rescalade.splade.model import SpladeModel
from rescalade.training.batches import micro_batches
from rescalade.training.collapse import judge
from rescalade.training.loop import Progress, Row, TokenisedTriples, optimiser_steps, train
from rescalade.training.measures import head_norm
from rescalade.training.settings import TrainSettings

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def train_run(
    run: Run,
    model_folder: Path,
    collection: Collection,
    triples: pa.Table,
    settings: TrainSettings,
    *,
    checkpoints: Path,
    output: Path,
    device: str,
    progress: Progress,
) -> tuple[list[Row], dict[str, Any]]:
    """Train one run and save its last state as a SparseEncoder folder.

    Returns:
        (history, outcome); the outcome holds the collapse verdict. A collapsed run is a result, not an error.

    Raises:
        UserError: model, tokenizer and data do not fit together.
    """
    masked_lm = load_masked_lm(model_folder)
    tokenizer = load_tokenizer(model_folder)
    check_vocabulary(masked_lm, tokenizer, model_folder)
    check_lengths(masked_lm, model_folder, query_length=settings.query_length, document_length=settings.document_length)
    model = SpladeModel(masked_lm).to(device)
    before = head_norm(model.head.weight)
    data = tokenise_triples(collection, triples, tokenizer, settings, run.seed)
    history = train(model, tokenizer, data, settings, run.seed, checkpoints, progress)
    model.restore_decoder()
    save_sparse_encoder(masked_lm.cpu(), tokenizer, settings, output)
    verdict = judge(history, vocabulary=model.head.weight.shape[0])
    outcome = {
        "run": run.folder,
        "recipe": run.recipe,
        "backbone": run.backbone,
        "variant": run.variant.name,
        "scale": run.variant.scale,
        "mode": run.variant.mode,
        "bias": run.variant.bias,
        "seed": run.seed,
        "steps": len(history),
        "triples": len(triples),
        "verdict": verdict.name,
        "since_step": verdict.since_step,
        "causes": verdict.causes,
        "first_loss": history[0]["loss"],
        "last_loss": history[-1]["loss"],
        "skipped_steps": int(sum(row["skipped"] for row in history)),
        "row_norm_before": before,
        "row_norm_after": head_norm(model.head.weight),
        "seconds": sum(row["seconds"] for row in history),
    }
    return history, outcome


def tokenise_triples(
    collection: Collection,
    triples: pa.Table,
    tokenizer: PreTrainedTokenizerBase,
    settings: TrainSettings,
    seed: int,
) -> TokenisedTriples:
    """Tokenise once each text that this run will see; a run shorter than an epoch leaves the others alone.

    Raises:
        UserError: a triple names a query or document that the collection lacks.
    """
    queries = dict(zip(collection.queries["id"].to_pylist(), collection.queries["text"].to_pylist(), strict=True))
    documents = dict(zip(collection.corpus["id"].to_pylist(), collection.document_texts(), strict=True))
    rows = triples.to_pylist()
    batches = micro_batches(len(rows), settings.batch_size, seed)
    micro_steps = optimiser_steps(settings, len(rows)) * settings.accumulation
    seen = sorted({int(number) for batch in itertools.islice(batches, micro_steps) for number in batch})
    query_number = {i: n for n, i in enumerate(dict.fromkeys(rows[s]["query_id"] for s in seen))}
    keys = ("positive_id", "negative_id")
    document_number = {i: n for n, i in enumerate(dict.fromkeys(rows[s][key] for s in seen for key in keys))}
    for what, used, known in (("query", query_number, queries), ("document", document_number, documents)):
        strange = next((identity for identity in used if identity not in known), None)
        if strange is not None:
            raise UserError(f"triples name {what} {strange!r}, which is not in the collection; run `triples` again")
    return TokenisedTriples(
        queries=tokenise(tokenizer, [queries[identity] for identity in query_number], settings.query_length),
        documents=tokenise(tokenizer, [documents[identity] for identity in document_number], settings.document_length),
        # texts of triples that are never drawn have no number
        triples=[
            (
                query_number.get(row["query_id"], -1),
                document_number.get(row["positive_id"], -1),
                document_number.get(row["negative_id"], -1),
            )
            for row in rows
        ],
    )
