"""The stage `rescale`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rescalade.atomic import atomic_folder
from rescalade.audited import Audit, predicted_scale
from rescalade.models.splade_config import as_trained
from rescalade.rescaling.make import make_rescaled
from rescalade.rescaling.settings import RescaleSettings
from rescalade.stage import Call, Files

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from rescalade.texts.text_settings import TextSettings
    from rescalade.texts.token_batch import TokenBatch
    from rescalade.variants import Reading


def run_rescale(settings: RescaleSettings, inputs: Files, outputs: Files, call: Call) -> None:
    """Divide the head of a backbone; a k that a rule chooses comes out of the backbone's audit.

    An offset of each term is measured on the training text, which is an input then.

    Raises:
        UserError: the head refuses the variant, or the audit has no k by its rule.
    """
    call.machine.device()  # sets the threads
    variant = settings.variant
    if variant.unchosen:
        variant = variant.chosen(predicted_scale(Audit.read(inputs["audit"]).predicted, variant))

    texts = None
    if settings.texts is not None:
        texts = partial(training_batches, settings.texts, settings.reading, inputs["corpus"].parent)
    with atomic_folder(outputs["model"]) as folder:
        make_rescaled(inputs["model"], variant, folder, title=call.names["backbone"], offset_texts=texts)
        call.record(folder / "record.json")


def training_batches(
    settings: TextSettings,
    reading: Reading,
    collection: Path,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
) -> Iterator[TokenBatch]:
    """Texts of a data set's folder as a recipe lays them out for a model that reads in some way."""
    from rescalade.rescaling.offset_texts import collection_batches  # which reads data sets, as no division does

    how = as_trained(settings, "fp32", reading, model.config.model_type)
    return collection_batches(collection, tokenizer, how, int(model.config.vocab_size))
