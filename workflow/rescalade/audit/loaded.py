"""Audits by name, by folder, and of models that are loaded: transformers' or SparseEncoders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rescalade.audit.measure import audit as measure
from rescalade.audit.sample_audit import audit_model
from rescalade.audited import Audit
from rescalade.errors import UserError
from rescalade.models.splade_config import Activation, Pooling, special_tokens
from rescalade.splade.language_model import is_encoder, language_model
from rescalade.texts.audit_sample import sample_batches
from rescalade.variants import Variant

if TYPE_CHECKING:
    from sentence_transformers import SparseEncoder
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def audit(
    model: str | Path | PreTrainedModel | SparseEncoder,
    tokenizer: PreTrainedTokenizerBase | None = None,
    *,
    variants: Sequence[Variant] = (),
    revision: str | None = None,
    device: str | None = None,
) -> Audit:
    """What a head will do as a sparse retriever before any training, and the k of every rule, on the sample text.

    Args:
        model: a folder, a hub id, a language model of transformers or a SparseEncoder; what is loaded stays as it is,
            and reads the sample text without its prompts.
        tokenizer: of a loaded language model; a SparseEncoder has its own.
        variants: what to try beside k = 1, 2, 4, 8 and 16.
        revision, device: of a folder or hub id; the device is "cpu" where None.

    Returns:
        The measurements; `audit.predicted["width"].power` is the k that `sparse_encoder` takes by itself.

    Raises:
        UserError: the model cannot be loaded, its head is unknown, its term weights are no maxima, or the tokenizer is
            missing.
    """
    if isinstance(model, str | Path):
        if tokenizer is not None:
            raise UserError("tokenizer: a folder or hub id has its own; leave it out")
        return audit_model(model, variants, revision=revision, device=device or "cpu")
    with language_model(model) as found:
        pooling, activation = _pooling(model)
        if pooling != "max":
            raise UserError(
                "the term weights of this model are sums over tokens (pooling_strategy 'sum'); an audit and its rules "
                "are for maxima"
            )
        own = tokenizer if tokenizer is not None else getattr(model, "tokenizer", None)
        if own is None:
            raise UserError("tokenizer: a loaded language model is audited with its tokenizer; pass it")
        batches = sample_batches(own, special_tokens(str(found.config.model_type), bos=False))
        queries, documents = (batch.to(found.device) for batch in batches)
        training = found.training
        try:
            return measure(
                found.eval(),
                queries,
                documents,
                variants,
                backbone=str(found.config.name_or_path),
                text="sample text of rescalade",
                activation=activation,
            )
        finally:
            found.train(training)


def _pooling(model: object) -> tuple[Pooling, Activation]:
    """Of a SparseEncoder those of its SpladePooling; of any other model the usual ones."""
    if is_encoder(model):
        for module in model.modules():  # type: ignore[attr-defined]
            if hasattr(module, "pooling_strategy"):
                return module.pooling_strategy, module.activation_function
    return "max", "relu"
