"""How a model turns texts into vectors: a file beside its weights, so that it travels with them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from rescalade.atomic import read_json
from rescalade.errors import UserError
from rescalade.models.families import FAMILIES
from rescalade.stored import Stored
from rescalade.texts.text_settings import EchoLayout, SpecialTokens, TextSettings
from rescalade.variants import Reading

if TYPE_CHECKING:
    from rescalade.texts.layout import Layout

FILE = "splade.json"
LONGEST = 512
"""Tokens of a text, where a model says only that it has positions for more, or not even that."""

Precision = Literal["fp32", "bf16"]


class SpladeConfig(Stored):
    """What decides the vector of a text, beside weights and tokenizer.

    query_length, document_length: tokens at which texts are cut, special ones included. pool_special_tokens,
    pool_prompt: whether these take part in the max. precision: bf16 runs the encoder under autocast. query_prompt,
    document_prompt: what is put before every text. special_tokens: `own`, of the tokenizer's template; `none`; `bos`
    alone. reading: of a causal language model, see `rescalade.variants.Reading`; masked ones have `causal`.
    echo_layout: where the second copy stands under the reading `echo`.
    """

    again: ClassVar[str] = "train the model again, or copy the file from where the model came from"

    schema_version: int = 2
    query_length: int = Field(ge=1)
    document_length: int = Field(ge=1)
    pool_special_tokens: bool
    precision: Precision
    query_prompt: str
    document_prompt: str
    special_tokens: SpecialTokens
    pool_prompt: bool
    reading: Reading
    echo_layout: EchoLayout

    def layout(self, *, queries: bool) -> Layout:
        """How queries or documents are laid out."""
        from rescalade.texts.layout import Layout

        return Layout(
            self.query_length if queries else self.document_length,
            self.query_prompt if queries else self.document_prompt,
            self.special_tokens,
            self.echo_layout if self.reading == "echo" else "one",
            self.pool_special_tokens,
            self.pool_prompt,
        )


def as_trained(settings: TextSettings, precision: Precision, reading: Reading, model_type: str) -> SpladeConfig:
    """How a model encodes that is trained by some settings."""
    return SpladeConfig(
        **{name: getattr(settings, name) for name in TextSettings.model_fields if name != "bos"},
        precision=precision,
        special_tokens=special_tokens(model_type, settings.bos),
        reading=reading,
    )


def special_tokens(model_type: str, bos: bool) -> SpecialTokens:
    """Of a masked model those of its tokenizer, of a causal one none, or its BOS."""
    if model_type in FAMILIES and FAMILIES[model_type].causal:
        return "bos" if bos else "none"
    return "own"


def read_splade_config(folder: Path) -> SpladeConfig:
    """How the model in a folder encodes, by its own file or, where others have made it, by what theirs say.

    Without the file: `max_seq_length` of sentence-transformers, or else the model's positions and at most LONGEST, for
    queries and documents alike; sentence-transformers' prompts `query` and `document`; every token takes part in the
    max; fp32.

    Raises:
        UserError: a file is damaged or says something impossible, or ours is of an older schema.
    """
    found = SpladeConfig.read_or_none(folder / FILE)
    if found is not None:
        return found
    try:
        length = _json(folder / "sentence_bert_config.json").get("max_seq_length")
        config = _json(folder / "config.json")
        added = special_tokens(str(config.get("model_type")), bos=False)
        length = length or min(LONGEST, config.get("max_position_embeddings") or LONGEST)
        prompts = _json(folder / "config_sentence_transformers.json").get("prompts") or {}
        return SpladeConfig(
            query_length=length,
            document_length=length,
            pool_special_tokens=True,
            precision="fp32",
            query_prompt=prompts.get("query") or "",
            document_prompt=prompts.get("document") or "",
            special_tokens=added,
            pool_prompt=True,
            reading="bidirectional" if added == "none" and config.get("is_causal") is False else "causal",
            echo_layout="contiguous",
        )
    except (AttributeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{folder}: its files say no usable length of texts or no usable prompt ({reason})") from None


def _json(path: Path) -> Any:
    """A file's object; empty where there is no file."""
    return read_json(path) if path.is_file() else {}
