"""A tiny model and a small collection on disk, and encodings of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import torch
from transformers import PreTrainedTokenizerFast
from transformers.utils import logging

from rescalade.backbones.vocabulary import as_transformers, train_wordpiece
from rescalade.encoding.encode import EncodeJob
from rescalade.encoding.settings import EncodeSettings
from rescalade.encoding.work_folder import WorkFolder
from rescalade.models.sparse_encoder_files import save_sparse_encoder
from rescalade.models.splade_config import USUAL, SpladeConfig
from rescalade.texts.collection import CORPUS, QRELS, QUERIES, Collection
from rescalade.texts.text_parts import folder_texts
from support.models import VOCABULARY, tiny
from support.small_collections import write_collection
from support.texts import TEXTS

logging.disable_progress_bar()  # it would be among the lines of a command
SETTINGS = EncodeSettings(shard_documents=10, batch_tokens=64)


def splade_config(**changes: Any) -> SpladeConfig:
    """How the models of these tests encode."""
    usual = {"query_length": 8, "document_length": 16, "pool_special_tokens": True, "precision": "fp32"}
    plain = {"special_tokens": "own", "pool_prompt": True, "reading": "causal", "echo_layout": "contiguous"}
    return SpladeConfig(**{**USUAL, **usual, **plain, "query_prompt": "", "document_prompt": "", **changes})


def small_tokenizer() -> PreTrainedTokenizerFast:
    return as_transformers(train_wordpiece(TEXTS, 60), 16)


def save_model(path: Path, bias: float = 0.0, seed: int = 0, **how: Any) -> Path:
    """A tiny BERT whose logits are moved by `bias`; `how` it encodes."""
    model = tiny("bert", seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.startswith("cls.predictions") and parameter.shape == (VOCABULARY,):
                parameter += bias
    save_sparse_encoder(model, small_tokenizer(), splade_config(**how), path)
    return path


def save_data(path: Path, queries: int = 5) -> Path:
    """25 documents and some queries."""
    documents = [{"id": f"d{i}", "title": "", "text": text} for i, text in enumerate(TEXTS[:25])]
    asked = [{"id": f"q{i}", "text": text[:20], "group": ""} for i, text in enumerate(TEXTS[:queries])]
    path.mkdir(parents=True)
    write_collection(
        path,
        Collection(
            pa.Table.from_pylist(documents, schema=CORPUS),
            pa.Table.from_pylist(asked, schema=QUERIES),
            pa.Table.from_pylist([{"query_id": "q0", "document_id": "d0", "grade": 1}], schema=QRELS),
        ),
    )
    return path


def job(model: Path, data: Path, work: Path, earlier: Path | None = None, **changes: Any) -> EncodeJob:
    tokens = changes.pop("tokens", None)
    settings = EncodeSettings(**{**SETTINGS.model_dump(), **changes})
    return EncodeJob(model, *folder_texts(data), settings, work=WorkFolder(work, earlier), tokens=tokens)


def encode(model: Path, data: Path, work: Path, devices: tuple[str, ...] = ("cpu",), **changes: Any) -> dict[str, Any]:
    return job(model, data, work, **changes).encode(devices, lambda *_: None)
