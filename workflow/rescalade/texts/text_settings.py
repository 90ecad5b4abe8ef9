"""Settings of training that decide which token numbers stand for a text, and which of them are pooled."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rescalade.strict import Strict

SpecialTokens = Literal["own", "none", "bos"]
"""Of the tokenizer's own template; none at all; its BOS alone, before the text."""
EchoLayout = Literal["contiguous", "laconic"]


class TextSettings(Strict):
    """From a text to the positions over which the maximum runs."""

    query_length: int = Field(256, ge=4, le=8192, description="Longest query in tokens, special tokens included.")
    document_length: int = Field(256, ge=4, le=8192, description="Longest document in tokens, special tokens included.")
    query_prompt: str = Field("", description="What is put before every query, `query: ` for example.")
    document_prompt: str = Field("", description="What is put before every document.")
    bos: bool = Field(
        False,
        description="Begin every text of a causal backbone with its BOS token; no other special token is added to it. "
        "A masked backbone has the special tokens of its tokenizer, whatever is said here.",
    )
    pool_special_tokens: bool = Field(
        True, description="Whether [CLS], [SEP] and their like take part in the max (sentence-transformers: yes)."
    )
    pool_prompt: bool = Field(
        True,
        description="Whether the tokens of the prompt take part in the max. In a causal model they see no word of the "
        "text, so their logits are the same for all. Only the content is pooled where this and pool_special_tokens are "
        "false.",
    )
    echo_layout: EchoLayout = Field(
        "contiguous",
        description="Where the second copy of a text stands under the reading `echo`. contiguous: right after the "
        "first. laconic: after the first and its padding to the full length, as in LACONIC's code.",
    )
