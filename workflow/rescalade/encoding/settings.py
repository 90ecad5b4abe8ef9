"""What decides an encoding."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from rescalade.errors import UserError
from rescalade.models.model_folder import read_splade_config
from rescalade.models.splade_config import FILE, Activation, Precision, SpladeConfig
from rescalade.quantisation import Quantisation
from rescalade.splade.backends import Backend
from rescalade.strict import Strict
from rescalade.texts.text_settings import EchoLayout
from rescalade.variants import Reading
from rescalade.vectors.file_names import Storage

logger = logging.getLogger(__name__)


class EncodeSettings(Strict):
    """Settings of the stage `encode`.

    query_length to activation: instead of what the model's folder says, see SpladeConfig; `bos` for its
    special_tokens.
    quantise: how the linear layers are quantised, see rescalade.encoding.quantise.
    shard_documents: documents of a shard. batch_tokens: of a batch, padding included. weights: type on disk, see
    rescalade.vectors.storage. top_terms, query_terms: heaviest terms kept of every document and of every query; None
    keeps all. shard_bytes: bound on a shard's entries in memory, see Collector. head_backend: of the pooling. corpus:
    data set with the same documents, encoded under its own name; then the queries alone are encoded.

    documents: how many there must be, where that is declared: it refuses a data set and changes no vector, so it is not
    recorded.
    """

    query_length: int | None = None
    document_length: int | None = None
    precision: Precision | None = None
    pool_special_tokens: bool | None = None
    pool_prompt: bool | None = None
    query_prompt: str | None = None
    document_prompt: str | None = None
    bos: bool | None = None
    reading: Reading | None = None
    echo_layout: EchoLayout | None = None
    activation: Activation | None = None
    quantise: Quantisation = "none"
    shard_documents: int = 65536
    batch_tokens: int = 4096
    weights: Storage = "auto"
    top_terms: int | None = None
    query_terms: int | None = None
    shard_bytes: int = 2**29
    head_backend: Backend = "auto"
    corpus: str | None = None
    documents: int | None = Field(None, exclude=True)

    def how(self, model: Path) -> SpladeConfig:
        """How the model in a folder encodes under these settings.

        Raises:
            UserError: a file of the folder is damaged, or of an older schema.
        """
        own = read_splade_config(model)
        asked = self.model_dump(include=set(SpladeConfig.model_fields), exclude_none=True)
        if self.bos is not None:
            asked["special_tokens"] = "own" if own.special_tokens == "own" else "bos" if self.bos else "none"
        return own.model_copy(update=asked)


_DECIDED = (
    "pool_special_tokens", "query_prompt", "special_tokens", "pool_prompt", "reading", "echo_layout", "pooling",
    "activation", "max_active_dims", "lower_case", "query_side",
)  # fmt: skip
"""What no setting of a search can put right where the model says something else than it did."""


def like_vectors(model: Path, made: Mapping[str, Any]) -> EncodeSettings:
    """Settings by which a model encodes a query as texts were encoded whose manifest has the settings `made`.

    Where these are not the model's own, as the stage's may be, a warning says so.

    Raises:
        UserError: the model's folder says now what it did not say then, and no setting decides it.
    """
    own = read_splade_config(model)
    for key in _DECIDED:
        if made.get(key, getattr(own, key)) != getattr(own, key):
            raise UserError(
                f"{model}: {key} {getattr(own, key)!r}, but the vectors were encoded with {made[key]!r}; encode them "
                f"again, or put back the {FILE} that the model had"
            )
    asked = {key: made[key] for key in ("query_length", "precision") if key in made}
    for key, value in asked.items():
        if value != getattr(own, key):
            logger.warning("%s %s, as the vectors were encoded; %s says %s", key, value, model, getattr(own, key))
    return EncodeSettings(**asked, quantise=made.get("quantise", "none"))
