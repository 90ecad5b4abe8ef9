"""A rescaled model folder: what was done is measured, written beside it, and checked by loading it again."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from rescalade.atomic import sha256
from rescalade.errors import UserError
from rescalade.models.load import check_vocabulary, load_lm, load_tokenizer, longest_text
from rescalade.models.locate import locate_head
from rescalade.models.norms import head_norms
from rescalade.models.reading import set_reading
from rescalade.models.sparse_encoder_files import write_sparse_encoder_files
from rescalade.models.splade_config import FILE as SPLADE_FILE
from rescalade.models.splade_config import LONGEST, USUAL, SpladeConfig, special_tokens
from rescalade.rescaling.card import model_card
from rescalade.rescaling.divide import apply, refused, relative_error
from rescalade.rescaling.modes import divided, sample_logits
from rescalade.rescaling.offset import lower, measure_pooled
from rescalade.rescaling.save import save_verified
from rescalade.rescaling.sidecar import FILE, Offset, Rescaled
from rescalade.texts.audit_sample import sample_batches
from rescalade.variants import Variant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from rescalade.texts.token_batch import TokenBatch

SHORTEST = 4

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
    offset_texts: OffsetTexts | None = None,
) -> Rescaled:
    """Write a rescaled model into an existing empty folder, with tokenizer, rescale.json and README.md.

    With the small files by which sentence-transformers loads it as a SparseEncoder that can be trained at once, unless
    it could not give the model's vectors; rescale.json and README.md then say why.

    Args:
        name: hub id or model folder.
        variant: how to divide, its k chosen.
        title: what the card calls the origin; `name` where None.
        bias_where_present: divide the bias too if the head has one, whatever the variant says.
        max_length: tokens to which texts are cut; where None what the origin's splade.json says, or else the model's
            limit, at most 512.
        offset_texts: lays out the texts on which a variant's offset is measured.

    Returns:
        What rescale.json holds.

    Raises:
        UserError: the model cannot be loaded, refuses the variant, or does not come back from disk as it was saved.
    """
    model, tokenizer = load_lm(name, revision), load_tokenizer(name, revision)
    check_vocabulary(model, tokenizer, name)
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
    done = _divide(model, tokenizer, variant, Path(name) / "model.safetensors")
    if variant.offset is not None and offset_texts is not None:
        done = done.model_copy(update={"offset": _lower(model, offset_texts(model, tokenizer), variant.offset)})
    save_verified(model, tokenizer, folder, spent=True)
    how = _how_it_encodes(Path(name), model, max_length, min(limit, LONGEST))
    if (Path(name) / SPLADE_FILE).is_file():
        how.write(folder / SPLADE_FILE)
    refusal = write_sparse_encoder_files(folder, model, tokenizer, how)
    done = done.model_copy(update={"no_sparse_encoder": refusal})
    done.write(folder / FILE)
    (folder / "README.md").write_text(model_card(title or str(name), done, how), encoding="utf-8")
    return done


def _how_it_encodes(origin: Path, model: PreTrainedModel, max_length: int | None, usual: int) -> SpladeConfig:
    """What a SPLADE model brings along; for any other, texts cut at the usual length; `max_length` goes before both."""
    how = SpladeConfig.read_or_none(origin / SPLADE_FILE)
    if how is None:
        causal = locate_head(model).family.causal
        how = SpladeConfig(
            query_length=usual,
            document_length=usual,
            pool_special_tokens=True,
            precision="fp32",
            query_prompt="",
            document_prompt="",
            special_tokens=special_tokens(model.config.model_type, bos=False),
            pool_prompt=True,
            reading="bidirectional" if causal and getattr(model.config, "is_causal", True) is False else "causal",
            echo_layout="contiguous",
            **USUAL,
        )
    lengths = {} if max_length is None else {"query_length": max_length, "document_length": max_length}
    return how.model_copy(update=lengths)


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
