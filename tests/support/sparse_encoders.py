"""Tiny SparseEncoder folders as sentence-transformers itself writes them, and the vectors that it gives for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rescalade.encoding.encoder import Encoder
from support.encoding import small_tokenizer
from support.models import tiny
from support.texts import TEXTS

QUERIES = [text[:15] for text in TEXTS[:5]] + [TEXTS[5] * 2]
DOCUMENTS = [TEXTS[5].title(), *TEXTS[6:9], TEXTS[9] * 3]
"""The last of both are longer than the tokenizer's 16 tokens."""


def checkpoint(path: Path, kind: str = "bert") -> Path:
    """A plain checkpoint of transformers with its tokenizer."""
    tiny(kind).save_pretrained(path)
    small_tokenizer().save_pretrained(path)
    return path


def splade_modules(path: Path, transformer: dict[str, Any] | None = None, **pooling: Any) -> list[Any]:
    """Language model and pooling over the checkpoint in a folder."""
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.sparse_encoder.modules import SpladePooling

    return [Transformer(str(path), transformer_task="fill-mask", **(transformer or {})), SpladePooling(**pooling)]


def table_module(weight: Tensor | None = None) -> Any:
    """Inference-free queries; the weights of the small vocabulary's tokens are 0 for some, and no two are alike."""
    from sentence_transformers.sparse_encoder.modules import SparseStaticEmbedding

    values = torch.linspace(-1.0, 3.0, 60).clamp_min(0.0) if weight is None else weight
    return SparseStaticEmbedding(small_tokenizer(), values, frozen=True)


def save(path: Path, modules: list[Any], **settings: Any) -> Path:
    """Modules as a SparseEncoder folder, saved by sentence-transformers."""
    from sentence_transformers import SparseEncoder

    SparseEncoder(modules=modules, device="cpu", **settings).save_pretrained(str(path), create_model_card=False)
    return path


def theirs(path: Path) -> tuple[Tensor, Tensor]:
    """Dense vectors of QUERIES and of DOCUMENTS by sentence-transformers."""
    from sentence_transformers import SparseEncoder

    model = SparseEncoder(str(path), device="cpu")
    return model.encode_query(QUERIES).to_dense(), model.encode_document(DOCUMENTS).to_dense()


def ours(path: Path) -> tuple[Tensor, Tensor]:
    """The same by the encoder here."""
    encoder = Encoder.load(path)
    return _dense(encoder, QUERIES, queries=True), _dense(encoder, DOCUMENTS, queries=False)


def _dense(encoder: Encoder, texts: list[str], *, queries: bool) -> Tensor:
    found, _ = encoder.encode(texts, encoder.tokens(texts, queries=queries), lambda _: None, queries=queries)
    dense = torch.zeros(len(texts), encoder.vocabulary)
    for row in range(len(texts)):
        part = slice(found.offsets[row], found.offsets[row + 1])
        dense[row, torch.from_numpy(found.terms[part]).long()] = torch.from_numpy(found.weights[part])
    return dense
