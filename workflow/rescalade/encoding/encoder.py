"""A SPLADE model that turns token numbers into sparse vectors, never dense beyond a batch."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rescalade.encoding.collect import Collector, Tally
from rescalade.encoding.quantise import check_quantisation, quantise
from rescalade.encoding.query_table import QueryTable, load_query_table
from rescalade.encoding.settings import EncodeSettings
from rescalade.encoding.sparsify import sparsify
from rescalade.errors import UserError
from rescalade.models.load import check_lengths, check_vocabulary, load_lm, load_tokenizer
from rescalade.models.model_folder import open_model_folder
from rescalade.models.reading import check_reading
from rescalade.models.splade_config import SpladeConfig
from rescalade.splade.model import SpladeModel
from rescalade.splade.packed_inputs import packed_inputs
from rescalade.texts.token_batch import TokenBatch
from rescalade.texts.tokenizer_state import writing_lower_case
from rescalade.texts.tokens import Tokens
from rescalade.vectors.reader import SparseVectors

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


DENSE = {"cpu": 2**20, "cuda": 2**26}
"""Entries of the pooling's [B, V] results per batch: 4 MiB of float32 on a CPU, of which a few lie in memory at a time;
256 MiB on a GPU, which needs the larger batches. On a CPU a large model takes SHARE of its parameters where that is
more, since it reads all its weights once for every batch."""
SHARE = 16

TRIM_BATCHES = 8
"""Batches between two calls that give freed memory back to the system. What is given back after every second one and
taken again costs a page fault for every 4 KB, a fifteenth of all CPU seconds; after every eighth, a third of that."""


class Encoder:
    """A loaded SPLADE model with its tokenizer, on one device."""

    def __init__(
        self,
        model: SpladeModel,
        tokenizer: PreTrainedTokenizerBase,
        how: SpladeConfig,
        settings: EncodeSettings,
        table: QueryTable | None = None,
    ) -> None:
        """Take what is loaded.

        Args:
            tokenizer: of the model. table: what gives queries their weights instead of the model, where `how` says so.
        """
        self._model, self.tokenizer, self.how, self._settings = model.eval(), tokenizer, how, settings
        self._table = table

    @classmethod
    def load(cls, folder: Path, settings: EncodeSettings | None = None, device: str = "cpu") -> Encoder:
        """From a model folder, which says how it encodes where the settings do not.

        Folders of `rescalade`, of `SparseEncoder` (inference-free ones among them) and plain checkpoints are taken, see
        `rescalade.models.model_folder.open_model_folder`.

        Raises:
            UserError: the folder is not understood; the model, its tokenizer or its table does not load or they do not
                belong together; it has no positions for texts so long, it does not read as the folder says, or it
                cannot be quantised so on this device.
        """
        settings = settings or EncodeSettings()
        found, how = open_model_folder(folder), settings.how(folder)
        check_quantisation(settings.quantise, how.precision, device)
        language_model = load_lm(found.language_model, device=device)
        tokenizer = load_tokenizer(found.language_model)
        check_vocabulary(language_model, tokenizer, folder)
        check_reading(language_model, how.reading, folder)
        check_lengths(language_model, folder, how)
        model = SpladeModel(language_model, pooling=how.pooling, activation=how.activation)
        table = None
        if found.query_table is not None:
            table = load_query_table(found.query_table, len(model.head.weight)).to(device)
        quantise(model, settings.quantise, how.precision, device)
        if how.lower_case:
            tokenizer = writing_lower_case(tokenizer)
        return cls(model.to(device), tokenizer, how, settings, table)

    @property
    def module(self) -> SpladeModel:
        """The model itself."""
        return self._model

    @property
    def device(self) -> torch.device:
        """Where it lies."""
        return self._model.device

    def compile(self) -> None:
        """Have torch.compile compile the language model, for texts of any number and length, when it is next used."""
        self._model.masked_lm.compile(dynamic=True)

    @property
    def vocabulary(self) -> int:
        """V, the dimension of the vectors."""
        return int(self._model.head.weight.shape[0])

    def tokens(self, texts: Sequence[str], *, queries: bool) -> Tokens:
        """Token numbers of texts with their prompt, cut at the length of queries or of documents."""
        tokenizer = self._table.tokenizer if queries and self._table is not None else self.tokenizer
        return self.how.layout(queries=queries).tokens(tokenizer, texts)

    def encode_query(self, text: str) -> SparseVectors:
        """The vector of one query.

        Raises:
            UserError: it has weights that are not finite.
        """
        vectors, tally = self.encode(["query"], self.tokens([text], queries=True), lambda _: None, queries=True)
        if tally.broken:
            raise UserError(f"query {text[:40]!r}: the model gives weights that are not finite; it is broken")
        return vectors

    def encode(
        self,
        ids: Sequence[str],
        tokens: Tokens,
        advance: Callable[[int], None],
        *,
        queries: bool,
        top_terms: int | None = None,
    ) -> tuple[SparseVectors, Tally]:
        """Vectors in the order of the texts, and what was left out of them."""
        layout, table = self.how.layout(queries=queries), self._table if queries else None
        kept = [most for most in (top_terms, self.how.max_active_dims) if most is not None]
        found = Collector(len(tokens), top_terms=min(kept, default=None), limit=self._settings.shard_bytes)
        texts = max(1, self._dense() // self.vocabulary)
        for number, batch in enumerate(plan_batches(tokens.lengths, self._settings.batch_tokens, texts)):
            rows = tokens.rows(batch)
            if table is not None:
                found.add(batch, sparsify(table.weights(rows)))
            else:
                found.add(batch, sparsify(self._weights(layout.batch(self.tokenizer, rows).to(self._model.device))))
            advance(len(batch))
            if number % TRIM_BATCHES == 0:
                _trim()
        vectors, tally = found.finish(ids)
        return vectors, replace(tally, tokens=int(tokens.lengths.sum()))

    def _dense(self) -> int:
        """Entries of a batch's [B, V] results at most."""
        if self._model.device.type == "cuda":
            return DENSE["cuda"]
        return max(DENSE["cpu"], sum(parameter.numel() for parameter in self._model.parameters()) // SHARE)

    def _weights(self, batch: TokenBatch) -> Tensor:
        """[B, V] float32."""
        half = self.how.precision == "bf16"
        with torch.inference_mode():
            packed, offsets = packed_inputs(self._model, vars(batch), half=half, encoding=True)
            return self._model.pool(packed, offsets, self._settings.head_backend)


def plan_batches(
    lengths: Sequence[int] | NDArray[np.int64], batch_tokens: int, batch_texts: int | None = None
) -> Iterator[list[int]]:
    """Numbers of texts per batch, shortest first, so that size times longest stays within `batch_tokens`.

    No batch has more than `batch_texts`: the pooling's results are dense, [B, V], and many short texts would make
    these the largest thing in memory.

    Equal lengths stand in the order of the texts: the plan, and with it every bit of the result, depends on
    the texts alone. A text longer than `batch_tokens` is a batch of its own.
    """
    sizes = np.asarray(lengths, np.int64)
    batch: list[int] = []
    for number in np.argsort(sizes, kind="stable").tolist():
        full = len(batch) == batch_texts or (len(batch) + 1) * int(sizes[number]) > batch_tokens
        if batch and full:
            yield batch
            batch = []
        batch.append(number)
    if batch:
        yield batch


def _trim() -> None:
    """Give freed memory back to the system: `malloc_trim(0)` where there is one.

    Every batch has its own shape, so the large arrays that come and go with it leave holes in glibc's heap that none
    of the next fits: 300 MB after 20,000 texts with a model of 18 MB. Mapping them one by one instead would cost a page
    fault for every 4 KB of every batch.
    """
    if sys.platform != "linux":
        return
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except AttributeError:  # another C library, musl say
        return
