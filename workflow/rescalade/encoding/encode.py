"""Texts to sparse vectors: sorted by length, in batches of bounded size, never dense beyond a batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from rescalade.atomic import sha256, write_json
from rescalade.backbones.load import check_lengths, load_masked_lm, load_tokenizer
from rescalade.data.collection import Collection
from rescalade.encoding.vectors import MANIFEST, QUERIES, SparseVectors, shard_name, write_vectors
from rescalade.splade.batch import pad, tokenise
from rescalade.splade.model import SpladeModel

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Progress = Callable[[int, int, dict[str, float]], None]


@dataclass(frozen=True)
class EncodeSettings:
    """query_length, document_length: tokens, special ones included. batch_tokens: padding included."""

    query_length: int
    document_length: int
    pool_special_tokens: bool
    shard_documents: int
    batch_tokens: int


def encode_collection(
    model_folder: Path,
    collection: Collection,
    settings: EncodeSettings,
    *,
    output: Path,
    device: str,
    progress: Progress,
) -> dict[str, Any]:
    """Encode a corpus in shards of fixed document ranges, and the queries.

    Returns:
        The manifest, written last: counts, settings, digests of the files and of the model.
    """
    encoder = Encoder.load(model_folder, settings, device)
    texts, ids = collection.document_texts(), collection.corpus["id"].to_pylist()
    total = len(texts) + len(collection.queries)
    names, postings, done = [], 0, 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        progress(done, total, {})

    for number, first in enumerate(range(0, len(texts), settings.shard_documents)):
        part = slice(first, first + settings.shard_documents)
        vectors = encoder.encode(ids[part], texts[part], settings.document_length, advance)
        write_vectors(output / shard_name(number), vectors)
        names.append(shard_name(number))
        postings += vectors.postings
    queries = encoder.encode(
        collection.queries["id"].to_pylist(), collection.queries["text"].to_pylist(), settings.query_length, advance
    )
    write_vectors(output / QUERIES, queries)
    manifest = {
        "vocabulary": encoder.vocabulary,
        "documents": len(texts),
        "queries": len(queries),
        "postings": postings,
        "shards": names,
        "weights": "float32",
        "model": sha256(model_folder / "model.safetensors"),
        "sha256": {name: sha256(output / name) for name in [*names, QUERIES]},
    }
    write_json(output / MANIFEST, manifest)
    return manifest


class Encoder:
    """A loaded SPLADE model with its tokenizer."""

    def __init__(self, model: SpladeModel, tokenizer: PreTrainedTokenizerBase, settings: EncodeSettings) -> None:
        self._model, self._tokenizer, self._settings = model.eval(), tokenizer, settings

    @classmethod
    def load(cls, folder: Path, settings: EncodeSettings, device: str) -> Encoder:
        """From a model folder."""
        masked_lm = load_masked_lm(folder)
        check_lengths(masked_lm, folder, query_length=settings.query_length, document_length=settings.document_length)
        return cls(SpladeModel(masked_lm).to(device), load_tokenizer(folder), settings)

    @property
    def vocabulary(self) -> int:
        """V, the dimension of the vectors."""
        return int(self._model.head.weight.shape[0])

    def encode(
        self, ids: Sequence[str], texts: Sequence[str], length: int, advance: Callable[[int], None]
    ) -> SparseVectors:
        """Vectors in the order of the texts.

        Batches are formed from the texts sorted by length, ties by position: the plan, and with it every
        bit of the result, depends on the texts alone.
        """
        rows = tokenise(self._tokenizer, texts, length)
        found: list[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]] = [(_NO_TERMS, _NO_WEIGHTS)] * len(rows)
        for batch in plan_batches([len(row) for row in rows], self._settings.batch_tokens):
            weights = self._weights([rows[number] for number in batch])
            # one transfer per batch: the non-zero entries, not the dense block
            place, terms = weights.nonzero(as_tuple=True)
            values = weights[place, terms].cpu().numpy()
            bounds = np.searchsorted(place.cpu().numpy(), np.arange(len(batch) + 1))
            numbers = terms.to(torch.int32).cpu().numpy()
            for row, number in enumerate(batch):
                part = slice(bounds[row], bounds[row + 1])
                found[number] = (numbers[part], values[part])
            advance(len(batch))
        offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum([len(terms) for terms, _ in found], out=offsets[1:])
        return SparseVectors(
            list(ids),
            offsets,
            np.concatenate([terms for terms, _ in found]) if found else _NO_TERMS,
            np.concatenate([weights for _, weights in found]) if found else _NO_WEIGHTS,
        )

    def _weights(self, rows: list[list[int]]) -> torch.Tensor:
        batch = pad(self._tokenizer, rows, self._settings.pool_special_tokens).to(self._model.device)
        with torch.inference_mode():
            weights: torch.Tensor = self._model(batch.input_ids, batch.attention_mask, batch.pooled)
        return weights


def plan_batches(lengths: Sequence[int], batch_tokens: int) -> Iterator[list[int]]:
    """Numbers of texts per batch, shortest first, so that size times longest stays within `batch_tokens`.

    A text longer than `batch_tokens` is a batch of its own.
    """
    order = sorted(range(len(lengths)), key=lambda number: (lengths[number], number))
    batch: list[int] = []
    for number in order:
        if batch and (len(batch) + 1) * lengths[number] > batch_tokens:
            yield batch
            batch = []
        batch.append(number)
    if batch:
        yield batch


_NO_TERMS = np.zeros(0, np.int32)
_NO_WEIGHTS = np.zeros(0, np.float32)
