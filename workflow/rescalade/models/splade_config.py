"""How a model turns texts into vectors: a file beside its weights, so that it travels with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from rescalade.atomic import read_json
from rescalade.errors import UserError
from rescalade.stored import Stored

FILE = "splade.json"
LONGEST = 512
"""Tokens of a text, where a model says only that it has positions for more, or not even that."""

Precision = Literal["fp32", "bf16"]


class SpladeConfig(Stored):
    """What decides the vector of a text, beside weights and tokenizer.

    query_length, document_length: tokens at which texts are cut, special ones included. pool_special_tokens: whether
    these take part in the max. precision: bf16 runs the encoder under autocast. query_prompt, document_prompt: what is
    put before every text.
    """

    again: ClassVar[str] = "train the model again, or copy the file from where the model came from"

    query_length: int = Field(ge=1)
    document_length: int = Field(ge=1)
    pool_special_tokens: bool
    precision: Precision
    query_prompt: str
    document_prompt: str

    def cut(self, queries: bool) -> tuple[str, int]:
        """(prompt, length) of queries or of documents."""
        if queries:
            return self.query_prompt, self.query_length
        return self.document_prompt, self.document_length


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
        length = length or min(LONGEST, _json(folder / "config.json").get("max_position_embeddings") or LONGEST)
        prompts = _json(folder / "config_sentence_transformers.json").get("prompts") or {}
        return SpladeConfig(
            query_length=length,
            document_length=length,
            pool_special_tokens=True,
            precision="fp32",
            query_prompt=prompts.get("query") or "",
            document_prompt=prompts.get("document") or "",
        )
    except (AttributeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{folder}: its files say no usable length of texts or no usable prompt ({reason})") from None


def _json(path: Path) -> Any:
    """A file's object; empty where there is no file."""
    return read_json(path) if path.is_file() else {}
