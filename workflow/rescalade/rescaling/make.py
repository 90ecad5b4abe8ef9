"""A rescaled model folder: what was done is measured, written beside it, and checked by loading it again."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from rescalade.atomic import sha256
from rescalade.errors import UserError
from rescalade.models.load import check_finite, check_vocabulary, load_lm, load_tokenizer, longest_text
from rescalade.models.locate import locate_head
from rescalade.models.model_folder import ModelFolder, open_model_name
from rescalade.models.norms import head_norms
from rescalade.models.reading import set_reading
from rescalade.models.sparse_encoder_files import refused as not_loadable
from rescalade.models.sparse_encoder_files import write_sparse_encoder_files
from rescalade.models.sparse_encoder_modules import write_modules_like
from rescalade.models.splade_config import FILE as SPLADE_FILE
from rescalade.models.splade_config import LONGEST, SpladeConfig, special_tokens
from rescalade.rescaling.card import model_card
from rescalade.rescaling.divide import apply, refused, relative_error
from rescalade.rescaling.modes import divided, sample_logits
from rescalade.rescaling.offset import lower, measure_pooled
from rescalade.rescaling.offset_texts import in_batches
from rescalade.rescaling.save import save_verified
from rescalade.rescaling.sidecar import FILE, Offset, Rescaled
from rescalade.texts.audit_sample import sample_batches
from rescalade.texts.tokenizer_state import writing_lower_case
from rescalade.variants import Variant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from rescalade.texts.token_batch import TokenBatch

SHORTEST = 4
"""Tokens of a text, special ones included, below which hardly anything of it is left."""

OffsetTexts: TypeAlias = "Callable[[PreTrainedModel, PreTrainedTokenizerBase], Iterable[TokenBatch]]"


def make_rescaled(
    name: str | Path,
    variant: Variant,
    folder: Path,
    *,
    revision: str | None = None,
    title: str | None = None,
    max_length: int | None = None,
    bias_where_present: bool = False,
    offset_texts: OffsetTexts | Sequence[str] | None = None,
) -> Rescaled:
    """Write a rescaled model into an existing empty folder, with tokenizer, rescale.json and README.md.

    With the small files by which sentence-transformers loads it as a SparseEncoder that can be trained at once, unless
    it could not give the model's vectors; rescale.json and README.md then say why.

    Args:
        name: hub id or model folder.
        variant: how to divide, its k chosen.
        title: what the card calls the origin; `name` where None.
        bias_where_present: divide the bias too if the head has one, whatever the variant says.
        max_length: tokens to which texts are cut; where None what the origin's folder says, or else the model's limit,
            at most 512.
        offset_texts: on which a variant's offset is measured; or what lays them out, else they are documents.

    Returns:
        What rescale.json holds.

    Raises:
        UserError: the model cannot be loaded, has weights that are not finite, refuses the variant, or does not come
            back from disk as it was saved.
    """
    found = open_model_name(name, revision)
    found.check_one_model("divided")
    place = found.language_model
    model, tokenizer = load_lm(place, revision), load_tokenizer(place, revision)
    check_vocabulary(model, tokenizer, name)
    check_finite(model, name)
    set_reading(model, variant.reading, name)
    head = locate_head(model)
    if bias_where_present:
        variant = replace(variant, bias=head.bias is not None)
    reason = refused(head, variant)
    if reason is not None:
        raise UserError(f"model {name}, variant {variant.name}: {reason}")
    if max_length is not None and max_length < SHORTEST:
        raise UserError(f"max length {max_length}: at least {SHORTEST} tokens are needed, special ones included")
    limit = longest_text(model) or LONGEST
    if max_length is not None and max_length > limit:
        raise UserError(f"max length {max_length}: model {name} has positions for {limit} tokens")
    if variant.offset is not None and offset_texts is None:
        raise UserError(f"variant {variant.name}: its offset is measured on texts, and none are given")
    if variant.offset is not None and found.how.pooling != "max":
        raise UserError(
            f"variant {variant.name}: an offset is taken off the maximum over tokens, and model {name} sums over them; "
            "leave it out"
        )
    done = _divide(model, tokenizer, variant, place / "model.safetensors")
    how = _how_it_encodes(found, model, max_length, limit)
    if variant.offset is not None and offset_texts is not None:
        if callable(offset_texts):
            batches = offset_texts(model, tokenizer)
        else:
            writing = writing_lower_case(tokenizer) if how.lower_case else tokenizer
            batches = in_batches(writing, how.layout(queries=False), offset_texts, len(head.weight))
        done = done.model_copy(update={"offset": _lower(model, batches, variant.offset)})
    save_verified(model, tokenizer, folder, spent=True)
    refusal = _write_how(found, how, model, tokenizer, folder, max_length)
    done = done.model_copy(update={"no_sparse_encoder": refusal})
    done.write(folder / FILE)
    (folder / "README.md").write_text(model_card(title or str(name), done, how), encoding="utf-8")
    return done


def _how_it_encodes(found: ModelFolder, model: PreTrainedModel, max_length: int | None, limit: int) -> SpladeConfig:
    """As the origin does, read as the variant says, and cut at `max_length` where that is given."""
    how = found.how
    if found.kind == "plain":
        causal = locate_head(model).family.causal
        reading = "bidirectional" if causal and getattr(model.config, "is_causal", True) is False else "causal"
        how = how.model_copy(update={"reading": reading})
    lengths = {name: max_length or min(getattr(how, name), limit) for name in ("query_length", "document_length")}
    return how.model_copy(update=lengths)


def _write_how(
    found: ModelFolder,
    how: SpladeConfig,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    folder: Path,
    max_length: int | None,
) -> str | None:
    """Write how the model encodes in the origin's own form.

    Returns:
        Why SparseEncoder cannot load it; None where it can.
    """
    if found.kind == "modules":
        refusal = not_loadable(model.config, tokenizer, how)
        if refusal is None:
            write_modules_like(found.folder, folder, max_length)
        else:
            how.write(folder / SPLADE_FILE)
        return refusal
    if found.kind == "splade":
        how.write(folder / SPLADE_FILE)
    return write_sparse_encoder_files(folder, model, tokenizer, how)


def _divide(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, variant: Variant, weights: Path) -> Rescaled:
    """Apply a variant and measure what it does to the logits of the sample text."""
    head = locate_head(model)
    before, causal = head_norms(head), head.family.causal
    _, documents = sample_batches(tokenizer, special_tokens(model.config.model_type, bos=False))
    expected = divided(model, sample_logits(model, documents), variant)
    apply(model, variant)
    return Rescaled(
        variant=variant.name,
        scale=variant.scale,
        mode=variant.mode,
        bias=variant.bias,
        rule=variant.rule,
        logit_error=relative_error(sample_logits(model, documents), expected),
        row_norm_before=before.row_norm.mean,
        row_norm_after=head_norms(locate_head(model)).row_norm.mean,
        **before.model_dump(include={"bias_norm", "vocabulary", "width", "tied", "norm", "soft_cap"}),
        model_type=head.model_type,
        causal=causal,
        versions={package: version(package) for package in ("rescalade", "transformers", "torch")},
        origin_sha256=sha256(weights) if weights.is_file() else None,
        offset=None,
        no_sparse_encoder=None,
    )


def _lower(model: PreTrainedModel, texts: Iterable[TokenBatch], c: float) -> Offset:
    """Measure the offset of each term and take it off."""
    given = locate_head(model).bias is None
    found = measure_pooled(model, texts)
    lower(model, found, c)
    return Offset(c=c, texts=found.texts, mean=float(found.mean.mean()), sd=float(found.sd.mean()), given=given)
