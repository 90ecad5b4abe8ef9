"""The stage `backbone`: a model folder from a pretraining recipe, a local folder, the hub or another backbone."""

from __future__ import annotations

import logging
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import torch

from rescalade.audited import HeadNorms
from rescalade.backbones.architecture import MAX_POSITIONS
from rescalade.backbones.pretrain import pretrain
from rescalade.backbones.settings import PretrainSettings
from rescalade.backbones.vocabulary import as_transformers
from rescalade.errors import UserError
from rescalade.models.load import check_finite, check_vocabulary, load_lm, load_tokenizer
from rescalade.models.locate import locate_head
from rescalade.models.model_folder import ModelFolder, open_model_folder
from rescalade.models.norms import head_norms
from rescalade.progress import Progress
from rescalade.rescaling.save import save_verified
from rescalade.texts.collection import Collection
from rescalade.texts.tokenizer_state import writing_lower_case

log = logging.getLogger(__name__)


def pretrain_backbone(
    folder: Path,
    settings: PretrainSettings,
    collection: Collection,
    checkpoints: Path,
    progress: Progress,
    device: str = "cpu",
    tokens: Path | None = None,
) -> None:
    """Pretrain on the queries and documents of a collection, each query before its relevant document.

    Writes model, tokenizer and history.parquet (step, loss, accuracy) into `folder`. tokens: as of `pretrain`.
    """
    from transformers.utils import logging

    logging.disable_progress_bar()  # the bar for writing one file
    result = pretrain(settings, pretraining_texts(collection), checkpoints, progress, device, tokens)
    result.model.save_pretrained(folder)
    as_transformers(result.tokenizer, MAX_POSITIONS, causal=settings.causal).save_pretrained(folder)
    pq.write_table(pa.Table.from_pylist(result.history), folder / "history.parquet")


def pretraining_texts(collection: Collection) -> list[str]:
    """All texts of a training collection in a fixed order; texts that belong together are neighbours."""
    documents = dict(zip(collection.corpus["id"].to_pylist(), collection.document_texts(), strict=True))
    relevant = collection.relevant()
    texts: list[str] = []
    for identity, query in zip(
        collection.queries["id"].to_pylist(), collection.queries["text"].to_pylist(), strict=True
    ):
        texts.append(query)
        texts += [documents.pop(document) for document in relevant.get(identity, {}) if document in documents]
    return texts + list(documents.values())


def copy_backbone(folder: Path, origin: Path) -> HeadNorms:
    """Load a model folder and save it in one form: float32 safetensors, fast tokenizer.

    Returns:
        The norms of its head.

    Raises:
        UserError: it is not there, has no head, its head is of an unknown kind, its weights are not finite, or it is a
            sparse model that makes term weights in another way than training does.
    """
    found = open_model_folder(origin)
    check_trained_alike(found)
    model = load_lm(found.language_model)
    tokenizer = load_tokenizer(found.language_model)
    norms = head_norms(locate_head(model))
    check_vocabulary(model, tokenizer, origin)
    check_finite(model, origin)
    if found.how.lower_case:
        tokenizer = writing_lower_case(tokenizer)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return norms


def check_trained_alike(found: ModelFolder) -> None:
    """Refuse to train a sparse model from where it would begin as another one; what a recipe decides is said.

    Raises:
        UserError: its term weights are not log(1 + relu(z)) at the maximum over tokens, or its queries have a table.
    """
    found.check_one_model("trained")
    how, place = found.how, found.folder
    if (how.pooling, how.activation) != ("max", "relu"):
        raise UserError(
            f"model {place}: it has pooling_strategy {how.pooling!r} and activation_function {how.activation!r}, and "
            "training here pools by 'max' and activates as the recipe says, 'relu' where it says nothing, so that it "
            "would begin as another model; take modules.json and splade.json out of a copy, and set `activation` in "
            "the recipe where it has 'log1p_relu'"
        )
    for name in ("query_prompt", "document_prompt", "max_active_dims"):
        if getattr(how, name):
            log.warning("model %s: its %s %r is left out; a recipe decides it", place, name, getattr(how, name))


def inflate_backbone(folder: Path, origin: Path, factor: float, bias: bool = False, shift: float = 0.0) -> None:
    """Change the last step of a backbone's head, z = h Wᵀ + b, and nothing else; a tied W stays tied.

    W becomes factor * W; b becomes factor * b + shift with `bias`, else b + shift. With a factor and b left as it is,
    norm and offset of the logits change together: b then holds them down less than it did. Where W is tied and its
    embedding is added to others before a norm, as in BERT, the encoder's output changes as well (by 33 % for a factor
    of 12 in `mini`); where the embedding is normed by itself, as in ModernBERT, it does not.

    Raises:
        UserError: the head has no bias, and `bias` or `shift` asks for one.
    """
    model, tokenizer = load_lm(origin), load_tokenizer(origin)
    check_vocabulary(model, tokenizer, origin)
    projection = locate_head(model).projection
    if projection.bias is None and (bias or shift):
        raise UserError(f"model {origin}: its head has no bias; take bias and shift away from the inflated backbone")
    with torch.no_grad():
        for part in projection.parts:
            part.mul_(factor)
        if projection.bias is not None:
            projection.bias.mul_(factor if bias else 1.0).add_(shift)
    save_verified(model, tokenizer, folder, spent=True)
