"""A rescaled model folder: what was done is measured, written beside it, and checked by loading it again."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from rescalade.atomic import sha256
from rescalade.errors import UserError
from rescalade.models.load import check_vocabulary, load_lm, load_tokenizer, longest_text
from rescalade.models.locate import locate_head
from rescalade.models.norms import head_norms
from rescalade.models.reading import set_reading
from rescalade.models.sparse_encoder_files import write_sparse_encoder_files
from rescalade.models.splade_config import FILE as SPLADE_FILE
from rescalade.models.splade_config import LONGEST, SpladeConfig, special_tokens
from rescalade.rescaling.card import model_card
from rescalade.rescaling.divide import apply, refused, relative_error
from rescalade.rescaling.modes import divided, sample_logits
from rescalade.rescaling.save import save_verified
from rescalade.rescaling.sidecar import FILE, Rescaled
from rescalade.texts.audit_sample import sample_batches
from rescalade.variants import Variant

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

SHORTEST = 4


def make_rescaled(
    name: str | Path,
    variant: Variant,
    folder: Path,
    *,
    revision: str | None = None,
    title: str | None = None,
    max_length: int | None = None,
    bias_where_present: bool = False,
) -> Rescaled:
    """Write a rescaled model into an existing empty folder, with tokenizer, rescale.json and README.md.

    Masked language models also get the small files by which sentence-transformers loads the folder as a SparseEncoder
    that can be trained at once.

    Args:
        name: hub id or model folder.
        variant: how to divide, its k chosen.
        title: what the card calls the origin; `name` where None.
        bias_where_present: divide the bias too if the head has one, whatever the variant says.
        max_length: tokens to which texts are cut; where None what the origin's splade.json says, or else the model's
            limit, at most 512.

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
    done = _divide(model, tokenizer, variant, Path(name) / "model.safetensors")
    save_verified(model, tokenizer, folder)
    done.write(folder / FILE)
    if not done.causal:
        length = _carry_over(Path(name), folder, max_length) or max_length or min(limit, LONGEST)
        write_sparse_encoder_files(folder, length, done.vocabulary)
    (folder / "README.md").write_text(model_card(title or str(name), done), encoding="utf-8")
    return done


def _carry_over(origin: Path, folder: Path, max_length: int | None) -> int | None:
    """How a SPLADE model encodes goes along with it; the length of its documents, None for any other model."""
    how = SpladeConfig.read_or_none(origin / SPLADE_FILE)
    if how is None:
        return None
    if max_length is not None:
        how = how.model_copy(update={"query_length": max_length, "document_length": max_length})
    how.write(folder / SPLADE_FILE)
    return how.document_length


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
    )
