"""What a pretrained backbone is made from."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from rescalade.strict import Strict


class PretrainSettings(Strict):
    """A small language model that the pipeline pretrains itself: a masked one, or a causal one by its next token."""

    family: Literal["bert", "modernbert", "llama"] = Field(
        description="Architecture; transformers' own classes. llama is a causal model, whose head has no bias."
    )
    text: str = Field(description="Data set whose documents and queries are the pretraining text.")
    vocabulary: int = Field(8192, ge=200, le=60000, description="WordPiece vocabulary size, special tokens included.")
    lowercase: bool = Field(
        True,
        description="Lower-case the text, as uncased models do; a cased vocabulary has Set and set as two terms. With "
        "either, accents go as BERT's do: they are taken off where the text is lower-cased.",
    )
    layers: int = Field(2, ge=1, le=48, description="Transformer layers.")
    width: int = Field(128, ge=16, le=4096, description="Hidden size D.")
    heads: int = Field(2, ge=1, le=64, description="Attention heads.")
    feed_forward: int = Field(256, ge=16, description="Width of the feed-forward block.")
    embedding_std: float = Field(
        0.02, gt=0, le=2, description="Standard deviation of the token embeddings at initialisation (tied: of W too)."
    )
    unigram_bias: bool = Field(
        True, description="Start the decoder bias at the log unigram frequency of each vocabulary item."
    )
    bias_offset: float = Field(
        0.0,
        ge=-50,
        le=50,
        description="Constant added to the initial bias. The softmax of pretraining cannot see it, SPLADE does.",
    )
    identity_head: bool = Field(
        False,
        description="Start the head's dense layer at the identity, so that a tied head begins by naming what it sees.",
    )
    mask_ratio: float = Field(
        0.3, gt=0, lt=1, description="Share of tokens selected for prediction; a causal model predicts every token."
    )
    mask_token_share: float = Field(0.8, ge=0, le=1, description="Of the selected: share replaced by [MASK].")
    random_token_share: float = Field(0.1, ge=0, le=1, description="Of the selected: share replaced at random.")
    steps: int = Field(400, ge=1, description="Optimiser steps.")
    batch_size: int = Field(64, ge=1, description="Sequences per step.")
    length: int = Field(64, ge=8, le=512, description="Tokens per packed sequence.")
    learning_rate: float = Field(2e-3, gt=0, le=1, description="Peak learning rate, AdamW.")
    weight_decay: float = Field(
        0.01, ge=0, le=1, description="Decoupled weight decay on matrices, not on biases and norms."
    )
    warmup_ratio: float = Field(0.1, ge=0, lt=1, description="Share of the steps with rising learning rate.")
    seed: int = Field(0, ge=0, description="Seed of initialisation, data order and masking.")

    @model_validator(mode="after")
    def _fits(self) -> PretrainSettings:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} must be a multiple of heads {self.heads}")
        if self.mask_token_share + self.random_token_share > 1:
            raise ValueError("mask_token_share and random_token_share must not add up to more than 1")
        if self.causal and (self.identity_head or self.bias_offset):
            raise ValueError("identity_head and bias_offset have no meaning for family llama: its head is W alone")
        return self

    @property
    def causal(self) -> bool:
        """Whether it is a causal language model."""
        return self.family == "llama"


class ReadySettings(Strict):
    """The stage `ready`: a model that others have trained, from a local folder or from the hub.

    trained: said to be a sparse retriever, though no file of it says so. model_type and known as of BackboneSettings.
    """

    path: str | None = None
    id: str | None = None
    revision: str | None = None
    trained: bool = False
    model_type: str | None = Field(None, exclude=True)
    known: tuple[str, ...] = Field((), exclude=True)


class BackboneSettings(Strict):
    """The stage `backbone`.

    check_norm, model_type and known decide whether it stops and what it then says, never what it makes: they are not
    recorded.

    source: pretrain, local, hub, inflate or wheel, each with its own keys. known: ids on the hub that may have been
    meant where one does not exist.
    """

    source: Literal["pretrain", "local", "hub", "inflate", "wheel"]
    pretrain: PretrainSettings | None = None
    path: str | None = None
    id: str | None = None
    revision: str | None = None
    package: str | None = None
    sha256: str | None = None
    member: str | None = None
    of: str | None = None
    factor: float = 1.0
    bias: bool = False
    shift: float = 0.0
    check_norm: bool = Field(True, exclude=True)
    model_type: str | None = Field(None, exclude=True)
    known: tuple[str, ...] = Field((), exclude=True)
