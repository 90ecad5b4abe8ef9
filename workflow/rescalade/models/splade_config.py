"""How a model turns texts into vectors: a file beside its weights, so that it travels with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

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
Pooling = Literal["max", "sum"]
"""Over the tokens of a text."""
Activation = Literal["relu", "log1p_relu"]
"""Of a logit z, by sentence-transformers' names: log(1 + relu(z)), or log(1 + log(1 + relu(z)))."""
QuerySide = Literal["model", "table"]
"""What gives a query its weights: the model, or a table with one weight for each token, without any model."""

USUAL: dict[str, Any] = {
    "pooling": "max",
    "activation": "relu",
    "max_active_dims": None,
    "lower_case": False,
    "query_side": "model",
}
"""What a checkpoint has that does not say otherwise, and a model that is trained here but for its activation."""


class SpladeConfig(Stored):
    """What decides the vector of a text, beside weights and tokenizer.

    query_length, document_length: tokens at which texts are cut, special ones included. pool_special_tokens,
    pool_prompt: whether these take part in the max. precision: bf16 runs the encoder under autocast. query_prompt,
    document_prompt: what is put before every text. special_tokens: `own`, of the tokenizer's template; `none`; `bos`
    alone. reading: of a causal language model, see `rescalade.variants.Reading`; masked ones have `causal`.
    echo_layout: where the second copy stands under the reading `echo`. pooling: over the tokens of a text, `max` of
    SPLADE v2 (arXiv 2109.10086) or `sum` of SPLADE (arXiv 2107.05720). activation: of a logit, before the pooling.
    max_active_dims: so many of the heaviest terms of a text are kept; all where None. lower_case: whether texts are
    written in lower case whatever the tokenizer does. query_side: whether queries are read by the model.
    """

    again: ClassVar[str] = "train the model again, or copy the file from where the model came from"

    schema_version: int = 3
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
    pooling: Pooling
    activation: Activation
    max_active_dims: int | None = Field(ge=1)
    lower_case: bool
    query_side: QuerySide

    @classmethod
    def upgraded(cls, values: dict[str, Any]) -> dict[str, Any]:
        """A file of schema 2, which knew one pooling, one activation and models alone, says the same under schema 3."""
        return {**values, **USUAL, "schema_version": 3} if values.get("schema_version") == 2 else values

    def layout(self, *, queries: bool) -> Layout:
        """How queries or documents are laid out."""
        from rescalade.texts.layout import Layout

        return Layout(
            self.query_length if queries else self.document_length,
            self.query_prompt if queries else self.document_prompt,
            "none" if queries and self.query_side == "table" else self.special_tokens,
            self.echo_layout if self.reading == "echo" else "one",
            self.pool_special_tokens,
            self.pool_prompt,
            self.lower_case,
        )


def as_trained(
    settings: TextSettings, precision: Precision, reading: Reading, model_type: str, activation: Activation = "relu"
) -> SpladeConfig:
    """How a model encodes that is trained by some settings."""
    return SpladeConfig(
        **{name: getattr(settings, name) for name in TextSettings.model_fields if name != "bos"},
        precision=precision,
        special_tokens=special_tokens(model_type, settings.bos),
        reading=reading,
        **{**USUAL, "activation": activation},
    )


def special_tokens(model_type: str, bos: bool) -> SpecialTokens:
    """Of a masked model those of its tokenizer, of a causal one none, or its BOS."""
    if model_type in FAMILIES and FAMILIES[model_type].causal:
        return "bos" if bos else "none"
    return "own"
